"""Our convolutions against XLA's, Flax's and PyTorch's: values, gradients, transforms, parameters."""

import functools

import flax.linen as nn
import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
import torch_layers
from jax import lax
from long_form import long

from jaxgan.nets import conv as layers

DIMS = ("NHWC", "HWIO", "NHWC")
ONE, TWO = ((1, 1), (1, 1)), ((2, 2), (2, 2))
# The tests are all compilation, and what is compiled runs once.
QUICK = {"xla_backend_optimization_level": 0}
# (k, s, padding, H, W, C, F): every kernel of the systems; maps odd, even, tiny, oblong; few channels, many.
CONVS = [
    (5, 1, "SAME", 7, 6, 5, 1),
    (5, 2, "SAME", 8, 7, 1, 6),
    (5, 2, "SAME", 7, 8, 6, 5),
    (3, 1, "SAME", 6, 7, 5, 6),
    (3, 2, "SAME", 7, 8, 5, 6),
    (4, 2, ONE, 8, 6, 3, 5),
    (4, 2, ONE, 9, 7, 6, 5),
    (3, 2, ONE, 7, 5, 5, 6),
    (3, 1, ONE, 2, 2, 5, 6),
    (2, 3, ((0, 2), (1, 0)), 9, 8, 5, 6),
    (3, 2, ((-1, 1), (0, 1)), 9, 8, 5, 6),
    (5, 1, "SAME", 7, 6, 64, 65),
    (3, 2, "VALID", 8, 7, 5, 6),
    (4, 2, "SAME_LOWER", 8, 7, 5, 6),
    (1, 1, "SAME", 7, 6, 5, 6),
    (1, 1, ((1, -1), (0, 0)), 7, 6, 6, 5),
]
TRANSPOSED = [
    (5, 1, "SAME", 7, 6, 5, 6),
    (5, 2, "SAME", 7, 4, 5, 6),
    (3, 2, "SAME", 3, 4, 6, 5),
    (2, 3, "SAME", 3, 4, 6, 5),
    (4, 2, TWO, 1, 1, 5, 6),
    (4, 1, TWO, 2, 2, 5, 6),
    (4, 2, TWO, 3, 5, 6, 5),
    (4, 2, TWO, 4, 6, 5, 3),
    (5, 2, ((3, 2), (2, 4)), 4, 3, 5, 6),
    (5, 1, "SAME", 7, 7, 65, 64),
    (3, 2, "VALID", 3, 4, 6, 5),
    (2, 3, "VALID", 3, 4, 6, 5),
]
CASES = [(layers.conv, *case) for case in CONVS] + [(layers.conv_transpose, *case) for case in TRANSPOSED]
SLOW = (layers.conv_transpose, 4, 1, TWO, 6, 5, 65, 64)


def plain(function, strides, padding):
    """XLA's own form."""
    if function is layers.conv:
        return lambda x, w: lax.conv_general_dilated(x, w, strides, padding, dimension_numbers=DIMS)
    return lambda x, w: lax.conv_transpose(x, w, strides, padding, dimension_numbers=DIMS)


def name(case):
    return "-".join(map(str, (case[0].__name__, *case[1:])))


def both(case):
    """Our form, XLA's form, an input and a kernel."""
    function, k, s, padding, h, w, c, f = case
    rng = np.random.default_rng(0)
    batch = 5 if min(c, f) < 64 else 64  # so many that the Fourier form is chosen
    x, kernel = jnp.asarray(rng.normal(size=(batch, h, w, c))), jnp.asarray(rng.normal(size=(k, k, c, f)))

    def ours(x, kernel):
        with layers.forced("cpu"):
            return function(x, kernel, (s, s), padding)

    return ours, plain(function, (s, s), padding), x, kernel


def penalty(function, x, kernel):
    """A gradient penalty: the squared norm of the gradient by the input."""
    grad = jax.grad(lambda x: jnp.sum(jnp.tanh(function(x, kernel))))(x)
    return jnp.sum(jnp.square(grad))


@pytest.mark.parametrize("case", [*CASES, pytest.param(SLOW, marks=pytest.mark.long)], ids=name)
def test_values_and_gradients_are_those_of_lax(case):
    with jax.enable_x64(True):
        ours, theirs, x, kernel = both(case)

        @functools.partial(jax.jit, static_argnums=0, compiler_options=QUICK)
        def run(function, x, kernel):
            y, pull = jax.vjp(function, x, kernel)
            return y, pull(jnp.cos(jnp.arange(float(y.size))).reshape(y.shape))

        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10),
            run(ours, x, kernel),
            run(theirs, x, kernel),
        )


@pytest.mark.parametrize("case", [CASES[i] for i in (1, 2, 11, 13, 16)], ids=name)
def test_second_gradients_are_those_of_lax(case):
    with jax.enable_x64(True):
        ours, theirs, x, kernel = both(case)
        run = jax.jit(jax.grad(penalty, (1, 2)), static_argnums=0, compiler_options=QUICK)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, atol=1e-9),
            run(ours, x, kernel),
            run(theirs, x, kernel),
        )


@pytest.mark.parametrize("case", [CASES[2], CASES[13]], ids=name)
def test_maps_over_inputs_and_over_kernels(case):
    with jax.enable_x64(True):
        ours, _, x, kernel = both(case)
        grads = jax.grad(lambda x, kernel: jnp.sum(jnp.square(ours(x, kernel))), (0, 1))
        single = jax.jit(grads, compiler_options=QUICK)
        for axes in (0, None), (None, 0), (0, 0):
            xs = jnp.stack([x, 2 * x]) if axes[0] == 0 else x
            ks = jnp.stack([kernel, 3 * kernel]) if axes[1] == 0 else kernel
            mapped = jax.jit(jax.vmap(grads, axes), compiler_options=QUICK)(xs, ks)
            second = single(2 * x if axes[0] == 0 else x, 3 * kernel if axes[1] == 0 else kernel)
            expected = jax.tree.map(lambda a, b: np.stack([a, b]), single(x, kernel), second)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9), mapped, expected)


@pytest.mark.parametrize("padding", ["SAME", "VALID", ((2, 0), (1, 3))])
@pytest.mark.parametrize(("k", "factor"), [(3, 2), (4, 2), (2, 3), (3, 1), (3, (1, 2))])
def test_folds_the_upsampling_into_the_kernel(k, factor, padding):
    with jax.enable_x64(True):
        rng = np.random.default_rng(1)
        x, kernel = jnp.asarray(rng.normal(size=(2, 3, 4, 5))), jnp.asarray(rng.normal(size=(k, k, 5, 6)))
        rows, cols = (factor, factor) if isinstance(factor, int) else factor
        expected = plain(layers.conv, (1, 1), padding)(jnp.repeat(jnp.repeat(x, rows, 1), cols, 2), kernel)
        for form in ("cpu", "lax"):
            with layers.forced(form):
                ours = jax.jit(lambda *a: layers.upsample_conv(*a, factor, padding), compiler_options=QUICK)
                np.testing.assert_allclose(ours(x, kernel), expected, atol=1e-10)


def test_upsampling_layer_takes_padding_and_even_kernels():
    def shape(k, **settings):
        layer = layers.UpsampleConv(6, k, 2, **settings)
        return jax.eval_shape(lambda x: layer.init_with_output(jax.random.key(0), x)[0], jnp.ones((1, 8, 8, 3))).shape

    assert shape(4) == shape(3) == (1, 16, 16, 6)
    assert shape(4, padding="VALID") == (1, 13, 13, 6)
    assert shape(3, padding=((0, 1), (0, 1))) == (1, 15, 15, 6)


@pytest.mark.parametrize(("padding", "use_bias"), [("SAME", True), (ONE, False)])
@pytest.mark.parametrize("name", ["Conv", "ConvTranspose"])
def test_parameters_are_interchangeable_with_flax(name, use_bias, padding):
    x = jnp.cos(jnp.arange(180.0)).reshape(2, 6, 5, 3)
    settings = {"strides": (2, 2), "padding": padding, "use_bias": use_bias}
    ours, theirs = getattr(layers, name)(4, 4, **settings), getattr(nn, name)(4, (4, 4), **settings)
    shapes = jax.eval_shape(theirs.init, jax.random.key(1), x)
    assert jax.eval_shape(ours.init, jax.random.key(1), x) == shapes
    rng = np.random.default_rng(0)
    variables = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), shapes)
    np.testing.assert_allclose(ours.apply(variables, x), theirs.apply(variables, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("k", "s", "p", "h"), [(4, 2, 1, 1), (4, 1, 1, 2), (4, 2, 1, 3), (5, 2, 2, 5)])
def test_agrees_with_pytorch(k, s, p, h):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(2, h, h + 1, 5)), rng.normal(size=(k, k, 5, 6))
    # PyTorch's kernel is [C, F, k, k] and is applied mirrored.
    expected = torch.nn.functional.conv_transpose2d(
        torch.tensor(x).permute(0, 3, 1, 2),
        torch.tensor(kernel[::-1, ::-1].copy()).permute(2, 3, 0, 1),
        None,
        s,
        p,
    )
    with jax.enable_x64(True):
        edge = (k - 1 - p, k - 1 - p)
        y = layers.conv_transpose(jnp.asarray(x), jnp.asarray(kernel), (s, s), (edge, edge))
    np.testing.assert_allclose(y, expected.permute(0, 2, 3, 1).numpy(), atol=1e-10)


@pytest.mark.parametrize("form", ["lax", "cpu"])
@pytest.mark.parametrize(("k", "stride"), [(5, 2), (5, 1), (4, 2), (3, 2), (2, 3)])
def test_pytorchs_borders(k, stride, form):
    """Of ConvTranspose2d(k, stride, p, output_padding): as large as SAME, and equal to it where k - s is even."""
    rng = np.random.default_rng(k)
    x, kernel = rng.standard_normal((2, 4, 3, 5)), rng.standard_normal((k, k, 5, 6))
    padding = -(-max(k - stride, 0) // 2)
    theirs = torch_layers.conv_transpose2d(
        x.transpose(0, 3, 1, 2), kernel[::-1, ::-1].transpose(2, 3, 0, 1), np.zeros(6), stride, padding,
        2 * padding - k + stride,
    )  # fmt: skip

    def ours(padding):
        layer = layers.ConvTranspose(6, k, stride, padding, use_bias=False)
        with layers.forced(form):
            return layer.apply({"params": {"kernel": jnp.float32(kernel)}}, jnp.float32(x))

    np.testing.assert_allclose(ours("TORCH"), theirs.transpose(0, 2, 3, 1), atol=1e-4)
    assert np.allclose(ours("TORCH"), ours("SAME"), atol=1e-4) == ((k - stride) % 2 == 0 or k < stride)


def test_the_number_of_images_may_be_left_open():
    def net(x):
        return layers.upsample_conv(layers.conv(x, jnp.ones((3, 3, 2, 4))), jnp.ones((3, 3, 4, 1)))

    (batch,) = jax.export.symbolic_shape("batch")
    exported = jax.export.export(jax.jit(net))(jax.ShapeDtypeStruct((batch, 4, 4, 2), jnp.float32))
    x = jnp.cos(jnp.arange(96.0)).reshape(3, 4, 4, 2)
    np.testing.assert_allclose(exported.call(x), net(x), rtol=1e-5, atol=1e-5)


ONES = nn.initializers.ones
HALVES = [
    layers.Conv(6, 5, 2, kernel_init=ONES),
    layers.ConvTranspose(6, (4, 4), 2, padding=TWO, kernel_init=ONES),
]


@pytest.mark.parametrize("layer", HALVES, ids=["Conv", "ConvTranspose"])
def test_half_precision_and_hashing(layer):
    x = jnp.ones((2, 7, 7, 3), jnp.bfloat16)
    variables = jax.jit(layer.init)(jax.random.key(0), x)
    assert variables["params"]["kernel"].dtype == jnp.float32
    total = jax.grad(lambda v, x: layer.apply(v, x).astype(jnp.float32).sum(), (0, 1))
    grads = jax.eval_shape(total, variables, x)
    assert grads[0]["params"]["kernel"].dtype == jnp.float32
    assert grads[1].dtype == jnp.bfloat16
    assert jax.eval_shape(layer.apply, variables, x).dtype == jnp.bfloat16
    assert hash(layer) == hash(layer.clone())


def test_the_form_can_be_forced():
    x, kernel = jnp.ones((1, 6, 6, 2)), jnp.ones((5, 5, 2, 8))

    def program(form):
        with layers.forced(form):
            return jax.jit(lambda x: layers.conv_transpose(x, kernel, (2, 2))).lower(x).as_text()

    # The sign of an input that is dilated.
    assert "lhs_dilate = [2, 2]" in program("lax")
    assert "lhs_dilate = [2, 2]" not in program("cpu")
    assert layers.current_form() == ("cpu" if jax.default_backend() == "cpu" else "lax")
    with pytest.raises(ValueError, match="expected one of auto, lax, cpu"), layers.forced("fast"):
        pass


@pytest.mark.parametrize("form", ["cpu", "lax"])
def test_what_does_not_fit_is_named(form):
    x, kernel = jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 1))
    with layers.forced(form):
        for function in layers.conv, layers.conv_transpose, layers.upsample_conv:
            with pytest.raises(ValueError, match=r"x is float32\[1, 4, 4, 2\] and the kernel float32\[3, 3, 1, 2\]"):
                function(x, jnp.swapaxes(kernel, 2, 3))
            with pytest.raises(ValueError, match="x is bfloat16"):
                function(x.astype(jnp.bfloat16), kernel)
            with pytest.raises(ValueError, match="padding is 'FULL'; expected one of SAME"):
                function(x, kernel, (2, 2), "FULL")
        with pytest.raises(ValueError, match="expected at least one pixel"):
            layers.conv(x, jnp.ones((5, 5, 2, 1)), padding="VALID")


def test_gradients_are_summed_over_a_mesh_that_is_checked():
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
    x, kernel = jnp.cos(jnp.arange(288.0)).reshape(4, 6, 6, 2), jnp.sin(jnp.arange(54.0)).reshape(3, 3, 2, 3)

    def loss(kernel, x):
        return jnp.sum(jnp.sin(layers.conv(x, kernel, (2, 2))))

    def gradient(kernel, x):
        return jax.grad(lambda kernel: jax.lax.psum(loss(kernel, x), "rows"))(kernel)

    spec = jax.P(), jax.P("rows")
    shared = jax.jit(jax.shard_map(gradient, mesh=mesh, in_specs=spec, out_specs=jax.P()), compiler_options=QUICK)
    np.testing.assert_allclose(shared(kernel, x), jax.grad(loss)(kernel, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("form", ["cpu", "lax"])
def test_gradients_where_types_say_how_arrays_lie_on_a_mesh(form):
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Explicit,))
    x, kernel = jnp.cos(jnp.arange(288.0)).reshape(4, 6, 6, 2), jnp.sin(jnp.arange(54.0)).reshape(3, 3, 2, 3)

    def loss(kernel, x):
        with layers.forced(form):
            return jnp.sum(jnp.sin(layers.conv_transpose(layers.conv(x, kernel, (2, 2)), jnp.swapaxes(kernel, 2, 3))))

    gradient = jax.jit(jax.grad(loss, (0, 1)), compiler_options=QUICK)
    expected = gradient(kernel, x)
    with jax.set_mesh(mesh):
        found = gradient(jax.device_put(kernel, jax.P()), jax.device_put(x, jax.P("rows")))
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "case", [*(CASES[i] for i in (0, 2, 11, 15)), *long(*((CASES[i],) for i in (1, 12, 20)))], ids=name
)
def test_bfloat16_rounds_but_does_not_cancel(case):
    ours, theirs, x, kernel = both(case)
    x, kernel = (jnp.asarray(a, jnp.bfloat16) for a in (x, kernel))

    @functools.partial(jax.jit, static_argnums=0, compiler_options=QUICK)
    def run(function, x, kernel):
        y, pull = jax.vjp(function, x, kernel)
        return y, pull(jnp.cos(jnp.arange(y.size)).reshape(y.shape).astype(y.dtype))

    low, exact = run(ours, x, kernel), run(theirs, x.astype(jnp.float32), kernel.astype(jnp.float32))
    for a, b in zip(jax.tree.leaves(low), jax.tree.leaves(exact), strict=True):
        assert a.dtype == jnp.bfloat16
        assert np.linalg.norm(a.astype(jnp.float32) - b) < 0.01 * np.linalg.norm(b)


@pytest.mark.parametrize("layer", [layers.Conv, layers.ConvTranspose, layers.UpsampleConv])
@pytest.mark.parametrize("dtype", [jnp.uint8, jnp.int32, bool])
def test_images_of_whole_numbers_are_refused(layer, dtype):
    x = jnp.ones((1, 4, 4, 2), dtype)
    with pytest.raises(ValueError, match=rf"x is {x.dtype}\[1, 4, 4, 2\]; expected floats"):
        layer(3, 3).init_with_output(jax.random.key(0), x)
