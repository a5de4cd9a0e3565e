"""Batch norm: flax.linen's own is the reference, in values, gradients and gradients of gradients."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgan.base import axis
from jaxgan.nets.norm import KINDS, BatchNorm, Norm, norms

MOMENTUM, EPSILON = 0.7, 1e-3


def ours(train=True):
    return BatchNorm(train=train, momentum=MOMENTUM, epsilon=EPSILON)


def flax_own(train=True):
    return nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=EPSILON, use_fast_variance=False)


def inputs(shape=(6, 3, 4, 5), dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(2, 3, size=shape).astype(dtype)
    channels = shape[-1:]
    params = {"scale": rng.normal(1, 0.3, channels), "bias": rng.normal(size=channels)}
    stats = {"mean": rng.normal(size=channels), "var": rng.uniform(0.5, 2, channels)}
    return jnp.asarray(x), *jax.tree.map(lambda v: jnp.asarray(v.astype(dtype)), (params, stats))


@functools.partial(jax.jit, static_argnums=0)
def run(module, x, params, stats):
    y, moved = module.apply({"params": params, "batch_stats": stats}, x, mutable=["batch_stats"])
    return y, moved.get("batch_stats", stats)


def weigh(tree):
    """A number that depends on each element differently."""
    return sum(
        jnp.sum(jnp.sin(leaf * (1 + jnp.arange(leaf.size).reshape(leaf.shape)))) for leaf in jax.tree.leaves(tree)
    )


def assert_same(tree, expected, rtol=1e-9):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol), tree, expected)


@pytest.fixture
def float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("shape", [(6, 3, 4, 5), (7, 2)])
def test_values_and_statistics(float64, train, shape):
    x, params, stats = inputs(shape)
    assert_same(run(ours(train), x, params, stats), run(flax_own(train), x, params, stats))


@pytest.mark.parametrize("train", [True, False])
def test_starts_as_flax_does(train):
    def net(layer):
        class Net(nn.Module):
            @nn.compact
            def __call__(self, x):
                return layer(scale_init=nn.initializers.normal(1.0))(nn.Dense(4)(x))

        return Net().init(jax.random.key(0), jnp.ones((2, 3)))

    mine = net(functools.partial(BatchNorm, train=train, momentum=MOMENTUM, epsilon=EPSILON))
    theirs = net(functools.partial(nn.BatchNorm, not train, momentum=MOMENTUM, epsilon=EPSILON))
    assert jax.tree.map(lambda v: v.dtype, mine) == jax.tree.map(lambda v: v.dtype, theirs)
    jax.tree.map(np.testing.assert_array_equal, mine, theirs)


@pytest.mark.parametrize("train", [True, False])
def test_gradients_also_through_the_statistics(float64, train):
    arguments = inputs()

    def gradients(module):
        return jax.jit(jax.grad(lambda *a: weigh(run(module, *a)), (0, 1, 2)))(*arguments)

    assert_same(gradients(ours(train)), gradients(flax_own(train)))


def test_gradients_of_gradients(float64):
    x, params, stats = inputs((5, 2, 3))

    def penalty(module, x, params):
        return weigh(jax.grad(lambda x: weigh(run(module, x, params, stats)))(x))

    first, second = (
        jax.jit(jax.grad(functools.partial(penalty, module), (0, 1)))(x, params) for module in (ours(), flax_own())
    )
    assert_same(first, second, rtol=1e-7)


def test_forward_mode_alone_and_with_reverse(float64):
    x, params, stats = inputs((5, 2, 3))
    directions = inputs((5, 2, 3), seed=1)[:2]

    def first(module):
        return jax.jvp(lambda *a: run(module, *a, stats), (x, params), directions)

    def mixed(module):
        def grad(*a):
            return jax.grad(lambda *a: weigh(run(module, *a, stats)), (0, 1))(*a)

        def slope(*a):
            return jax.jvp(lambda *a: weigh(run(module, *a, stats)), a, directions)[1]

        return jax.jit(lambda *a: (jax.jvp(grad, a, directions), jax.grad(slope, (0, 1))(*a)))(x, params)

    assert_same(first(ours()), first(flax_own()))
    assert_same(mixed(ours()), mixed(flax_own()), rtol=1e-7)


def test_maps_over_batches_of_their_own(float64):
    x, params, stats = inputs((5, 2, 3))
    xs = jnp.stack([x, 2 * x, 3 + x])

    @jax.jit
    def gradients(x):
        return jax.grad(lambda x: weigh(run(ours(), x, params, stats)))(x)

    assert_same(jax.vmap(gradients)(xs), jnp.stack([gradients(x) for x in xs]))


def test_large_inputs_do_not_cancel():
    x, params, stats = inputs(dtype=np.float32)
    y, moved = run(ours(), x * 1e-2 + 1e4, params, stats)
    exact = np.asarray(x * np.float32(1e-2) + 1e4, np.float64)
    variance = (np.asarray(moved["var"]) - MOMENTUM * stats["var"]) / (1 - MOMENTUM)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2)), rtol=1e-2)
    assert np.isfinite(y).all()


def test_sixteen_bits_outside_more_inside():
    x, params, stats = inputs(shape=(400, 8, 8, 3), dtype=np.float32)
    narrow = jax.tree.map(lambda v: v.astype(jnp.bfloat16), (x, params))
    rounded = jax.tree.map(lambda v: v.astype(jnp.float32), narrow)
    # Sums of 25,600 numbers stop growing at 256 times their size if they are made in bfloat16.
    weights = jnp.asarray(np.random.default_rng(1).uniform(size=x.shape) + np.linspace(0, 1, 8)[:, None], jnp.float32)

    def loss(x, params):
        y, moved = run(ours(), x, params, stats)
        return (y.astype(jnp.float32) * weights).mean(), (y, moved)

    gradients = jax.jit(jax.grad(loss, (0, 1), has_aux=True))
    (dx, of_params), (y, moved) = gradients(*narrow)
    (exact_dx, exact_params), (exact_y, exact_moved) = gradients(*rounded)
    assert {leaf.dtype for leaf in jax.tree.leaves((y, dx, of_params))} == {jnp.dtype(jnp.bfloat16)}
    assert {leaf.dtype for leaf in jax.tree.leaves(moved)} == {jnp.dtype(jnp.float32)}
    assert_same(moved, exact_moved, rtol=1e-5)
    widened = jax.tree.map(lambda v: v.astype(jnp.float32), (y, of_params))
    assert_same(widened, (exact_y, exact_params), rtol=0.01)
    error = np.asarray(dx.astype(jnp.float32) - exact_dx)
    assert np.sqrt((error**2).mean() / (np.asarray(exact_dx) ** 2).mean()) < 0.02


def test_two_devices_normalise_as_one(float64):
    x, params, stats = inputs()

    def loss(x, params):
        y, moved = run(ours(), x, params, stats)
        # Each device's own share of a sum over the whole batch, as in a training step; the shares differ.
        weights = 1 + axis.share(jnp.arange(6 * 60.0).reshape(6, 3, 4, 5))
        return jnp.mean(jnp.sin(y * weights)) + weigh(moved) * jnp.mean(axis.share(jnp.asarray([1.0, 3.0]))), moved

    def step(x, params):
        (dx, of_params), moved = jax.grad(loss, (0, 1), has_aux=True)(x, params)
        return dx / axis.size(), axis.mean(of_params), moved

    def twice(x, params):
        def penalty(x):
            # The gradient by this share of the sum of all devices' losses, as `pmap` has it.
            return axis.mean(weigh(step(x, params)[1]))

        return jax.grad(penalty)(x)

    dx, of_params, moved = jax.jit(step)(x, params)
    shares = x.reshape(2, 3, *x.shape[1:])
    mapped = functools.partial(jax.pmap, axis_name=axis.NAME, in_axes=(0, None))
    two = mapped(step)(shares, params)
    assert_same(two[0].reshape(x.shape), dx)
    for device in range(2):
        assert_same(jax.tree.map(lambda leaf, i=device: leaf[i], two[1:]), (of_params, moved))
    assert_same(mapped(twice)(shares, params).reshape(x.shape) / 2, jax.jit(twice)(x, params), rtol=1e-7)


class Net(nn.Module):
    """A convolution, normalised by `Norm`."""

    norm: Norm

    @nn.compact
    def __call__(self, x, *, train):
        x = self.norm.apply(nn.Conv(32, (3, 3), use_bias=False), x, train=train)
        return self.norm(x, train=train)


def net(kind, x, train=True):
    module = Net(Norm(kind, 0.9, 0.0, scale_stddev=0.0))
    variables = jax.jit(functools.partial(module.init, train=False))(jax.random.key(0), x)
    y, moved = module.apply(variables, x, train=train, mutable=["batch_stats"])
    return y, variables, moved


@pytest.mark.long
def test_kinds_normalise_over_what_they_say():
    x = jnp.asarray(np.random.default_rng(0).normal(3, 2, size=(4, 5, 6, 3)), jnp.float32)
    plain, _, _ = net("none", x)
    groups = {"batch": plain, "group": plain.reshape(4, 5, 6, 2, 16), "layer": plain}
    axes = {"batch": (0, 1, 2), "group": (1, 2, 4), "layer": (1, 2, 3)}
    for kind, maps in groups.items():
        mean, std = (f(axis=axes[kind], keepdims=True) for f in (maps.mean, maps.std))
        expected = ((maps - mean) / std).reshape(plain.shape)
        np.testing.assert_allclose(net(kind, x)[0], expected, atol=1e-4, err_msg=kind)
        assert Norm(kind, 0.9, 0.0).shifts
    assert not Norm("none", 0.9, 0.0).shifts


def test_scales_start_as_asked():
    x = jnp.zeros((1, 1, 1, 4096))
    module = Norm("group", 0.9, 1e-5, 0.1, 0.02)

    class Layer(nn.Module):
        @nn.compact
        def __call__(self, x):
            return module(x, train=True)

    scale = Layer().init(jax.random.key(0), x)["params"]["GroupNorm_0"]["scale"]
    assert scale.mean() == pytest.approx(0.1, abs=2e-3)
    assert scale.std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.long
def test_spectral_norm_iterates_in_training_and_divides_by_its_estimate(float64):
    class Dense(nn.Module):
        @nn.compact
        def __call__(self, x, *, train):
            return Norm("spectral", 0.9, 0.0).apply(nn.Dense(2, use_bias=False), x, train=train)

    module, x = Dense(), jnp.eye(2)
    apply = jax.jit(functools.partial(module.apply, mutable=["batch_stats"]), static_argnames="train")
    variables = module.init(jax.random.key(0), x, train=False)
    kernel = jnp.diag(jnp.asarray([3.0, 1.0]))
    start = {"Dense_0/kernel/u": jnp.full((1, 2), 2**-0.5), "Dense_0/kernel/sigma": jnp.ones(())}
    assert start.keys() == variables["batch_stats"]["SpectralNorm_0"].keys()
    variables = {"params": {"Dense_0": {"kernel": kernel}}, "batch_stats": {"SpectralNorm_0": start}}
    # Power iteration by hand from (1, 1): the estimate after each step.
    for sigma in (2.863564, 2.998173, 2.999977):
        _, still = apply(variables, x, train=False)
        y, moved = apply(variables, x, train=True)
        np.testing.assert_allclose(kernel / y, jnp.where(kernel > 0, sigma, jnp.nan), rtol=1e-6)
        jax.tree.map(np.testing.assert_array_equal, still["batch_stats"], variables["batch_stats"])
        variables = {**variables, **moved}
    # With u and v held: d(W / s) = dW / s - W <v u^T, dW> / s^2, here with v = u = (1, 0) nearly.
    slope = jax.jit(
        jax.jacobian(lambda w: module.apply({**variables, "params": {"Dense_0": {"kernel": w}}}, x, train=False))
    )
    expected = np.einsum("ac,bd->abcd", np.eye(2), np.eye(2)) / 3
    expected[:, :, 0, 0] -= np.asarray(kernel) / 9
    np.testing.assert_allclose(slope(kernel), expected, atol=2e-3)


def test_norms_of_a_config():
    model = ConfigDict({"bn_momentum": 0.7, "bn_epsilon": 1e-3, "d_norm": "layer"})
    assert norms(model, scale_mean=0.1) == (Norm("batch", 0.7, 1e-3, 0.1), Norm("layer", 0.7, 1e-3, 0.1))
    model.d_norm = "batches"
    with pytest.raises(ValueError, match=f"d_norm is 'batches'; expected one of {', '.join(KINDS)}"):
        norms(model)


@pytest.mark.parametrize("train", [True, False])
def test_whole_numbers_are_refused(train):
    layer = BatchNorm(train=train, momentum=0.9, epsilon=1e-5)
    with pytest.raises(ValueError, match=r"x is uint8\[4, 2\]; expected floats"):
        layer.init_with_output(jax.random.key(0), jnp.ones((4, 2), jnp.uint8))
