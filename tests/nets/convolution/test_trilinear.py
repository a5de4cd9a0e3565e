"""The three partial derivatives of <conv(x, w), g> as XLA's are: any order of derivative, any map, any place."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.convolution import trilinear, xla
from jaxgan.nets.convolution.geometry import Geometry

# The tests are all compilation, and what is compiled runs once.
quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
GEO = Geometry((5, 6), (3, 2), (2, 1), ((1, 0), (1, 1)))
B, C, F = 3, 5, 6
SHAPES = {"x": (B, *GEO.size, C), "w": (*GEO.taps, C, F), "g": (B, *GEO.outputs, F)}
OPERANDS = {"forward": "xw", "input_grad": "wg", "kernel_grad": "xg"}


def lax_input_grad(w, g):
    zeros = jnp.zeros(SHAPES["x"], w.dtype)
    return jax.vjp(lambda x: xla.forward(GEO, x, w), zeros)[1](g)[0]


def lax_kernel_grad(x, g):
    zeros = jnp.zeros(SHAPES["w"], x.dtype)
    return jax.vjp(lambda w: xla.forward(GEO, x, w), zeros)[1](g)[0]


THEIRS = {
    "forward": functools.partial(xla.forward, GEO),
    "input_grad": lax_input_grad,
    "kernel_grad": lax_kernel_grad,
}


def arrays(name, seed=0, lead=()):
    rng = np.random.default_rng(seed)
    return tuple(jnp.asarray(rng.normal(size=(*lead, *SHAPES[letter]))) for letter in OPERANDS[name])


@pytest.fixture(params=["cpu", "lax"])
def both(request):
    """By the name of a partial derivative: in one of our forms, and XLA's own."""
    return lambda name: (functools.partial(getattr(trilinear, name), GEO, form=request.param), THEIRS[name])


def assert_same(ours, theirs):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-9), ours, theirs)


def wave(function, a, b):
    return jnp.sum(jnp.sin(function(a, b)))


ORDERS = {
    "jvp": lambda f, a, t: jax.jvp(f, a, t),
    "grad": lambda f, a, t: jax.grad(functools.partial(wave, f), (0, 1))(*a),
    "forward over reverse": lambda f, a, t: jax.jvp(jax.grad(functools.partial(wave, f), (0, 1)), a, t),
    "reverse over forward": lambda f, a, t: jax.grad(lambda *a: jax.jvp(functools.partial(wave, f), a, t)[1], (0, 1))(
        *a
    ),
    "forward over forward": lambda f, a, t: jax.jvp(lambda *a: jax.jvp(functools.partial(wave, f), a, t), a, t),
    "reverse over reverse": lambda f, a, t: jax.grad(
        lambda a: jnp.vdot(jax.grad(functools.partial(wave, f))(*a), t[0])
    )(a),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", OPERANDS)
def test_derivatives_of_any_order(name, order, both):
    with jax.enable_x64(True):
        run = quick_jit(ORDERS[order], static_argnums=0)
        assert_same(*(run(function, arrays(name), arrays(name, 1)) for function in both(name)))


@pytest.mark.parametrize("dims", [(0, None), (None, 0), (0, 0), (2, None), (None, 4), (3, 1)])
@pytest.mark.parametrize("name", OPERANDS)
def test_maps_over_any_argument_and_axis(name, dims, both):
    with jax.enable_x64(True):
        plain = arrays(name)
        many = [
            a if d is None else jnp.moveaxis(b, 0, d)
            for a, b, d in zip(plain, arrays(name, 2, (4,)), dims, strict=True)
        ]
        ours, theirs = (quick_jit(jax.vmap(function, dims)) for function in both(name))
        assert_same(ours(*many), theirs(*many))


def test_maps_make_no_grouped_convolution(both):
    kernels, x = jnp.ones((2, *SHAPES["w"])), jnp.ones((2, *SHAPES["x"]))
    for inputs, dims in itertools.product([(x, kernels)], [(0, 0), (0, None), (None, 0)]):
        one = [a if d == 0 else a[0] for a, d in zip(inputs, dims, strict=True)]
        program = jax.jit(jax.vmap(both("forward")[0], dims)).lower(*one).as_text()
        assert "feature_group_count = 1" in program
        assert "feature_group_count = 2" not in program


def test_maps_of_maps_of_gradients(both):
    with jax.enable_x64(True):
        xs, ws = arrays("forward", 3, (2,))
        ours, theirs = (
            quick_jit(jax.vmap(jax.vmap(jax.grad(functools.partial(wave, f), (0, 1)), (0, None)), (None, 0)))(xs, ws)
            for f in both("forward")
        )
        assert_same(ours, theirs)


def test_each_keeps_the_precision_of_products_that_it_was_made_with(both):
    x, w = jnp.ones(SHAPES["x"]), jnp.ones(SHAPES["w"])

    def run(w):
        with jax.default_matmul_precision("float32"):
            return wave(both("forward")[0], x, w)

    program = jax.jit(jax.grad(run)).lower(w).as_text()
    assert "HIGHEST" in program
    assert "DEFAULT" not in program


def test_outside_of_jit(both):
    with jax.enable_x64(True):
        assert_same(*(function(*arrays("forward")) for function in both("forward")))


def test_gradients_fit_the_patterns_that_xla_looks_for_on_gpus():
    def transposed(kernel, g):  # as `conv_transpose` calls it
        return trilinear.input_grad(GEO, jnp.swapaxes(kernel[::-1, ::-1], 2, 3), g, "lax")

    kernel, g = jnp.ones((*GEO.taps, F, C)), jnp.ones(SHAPES["g"])
    for function, operands in (transposed, (kernel, g)), (jax.grad(lambda *a: transposed(*a).sum()), (kernel, g)):
        lines = jax.jit(function).lower(*operands).as_text().splitlines()
        (call,) = [line for line in lines if "stablehlo.convolution(" in line]
        by_kernel = function is not transposed
        # An input gradient dilates the map, and its kernel is reversed; a kernel gradient dilates what stands for the
        # kernel, and never the map.
        assert ("lhs_dilate = [2, 1]" in call, "rhs_dilate = [2, 1]" in call) == (not by_kernel, by_kernel)
        name = call.split("stablehlo.convolution(")[1].split(",")[1].split(")")[0].strip()
        made_by_reversing = any(line.strip().startswith(f"{name} = stablehlo.reverse") for line in lines)
        assert made_by_reversing == (not by_kernel)
