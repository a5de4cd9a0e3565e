"""The three partial derivatives of <conv(x, w), g> as XLA's are: any order of derivative, any map, any place."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.cpu import forms, trilinear
from jaxgan.nets.cpu.geometry import Geometry

# The tests are all compilation, and what is compiled runs once.
quick_jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
GEO = Geometry((5, 6), (3, 2), (2, 1), ((1, 0), (1, 1)))
B, C, F = 3, 5, 6
SHAPES = {"x": (B, *GEO.size, C), "w": (*GEO.taps, C, F), "g": (B, *GEO.outputs, F)}
OPERANDS = {"forward": "xw", "input_grad": "wg", "kernel_grad": "xg"}


def lax_input_grad(w, g):
    zeros = jnp.zeros(SHAPES["x"], w.dtype)
    return jax.vjp(lambda x: forms.lax_forward(GEO, x, w), zeros)[1](g)[0]


def lax_kernel_grad(x, g):
    zeros = jnp.zeros(SHAPES["w"], x.dtype)
    return jax.vjp(lambda w: forms.lax_forward(GEO, x, w), zeros)[1](g)[0]


THEIRS = {
    "forward": functools.partial(forms.lax_forward, GEO),
    "input_grad": lax_input_grad,
    "kernel_grad": lax_kernel_grad,
}


def arrays(name, seed=0, lead=()):
    rng = np.random.default_rng(seed)
    return tuple(jnp.asarray(rng.normal(size=(*lead, *SHAPES[letter]))) for letter in OPERANDS[name])


def both(name):
    return functools.partial(getattr(trilinear, name), GEO), THEIRS[name]


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
def test_derivatives_of_any_order(name, order):
    with jax.enable_x64(True):
        run = quick_jit(ORDERS[order], static_argnums=0)
        assert_same(*(run(function, arrays(name), arrays(name, 1)) for function in both(name)))


@pytest.mark.parametrize("dims", [(0, None), (None, 0), (0, 0), (2, None), (None, 4), (3, 1)])
@pytest.mark.parametrize("name", OPERANDS)
def test_maps_over_any_argument_and_axis(name, dims):
    with jax.enable_x64(True):
        plain = arrays(name)
        many = [
            a if d is None else jnp.moveaxis(b, 0, d)
            for a, b, d in zip(plain, arrays(name, 2, (4,)), dims, strict=True)
        ]
        ours, theirs = (quick_jit(jax.vmap(function, dims)) for function in both(name))
        assert_same(ours(*many), theirs(*many))


def test_maps_make_no_grouped_convolution():
    kernels, x = jnp.ones((2, *SHAPES["w"])), jnp.ones((2, *SHAPES["x"]))
    for inputs, dims in itertools.product([(x, kernels)], [(0, 0), (0, None), (None, 0)]):
        one = [a if d == 0 else a[0] for a, d in zip(inputs, dims, strict=True)]
        program = jax.jit(jax.vmap(both("forward")[0], dims)).lower(*one).as_text()
        assert "feature_group_count = 1" in program
        assert "feature_group_count = 2" not in program


def test_maps_of_maps_of_gradients():
    with jax.enable_x64(True):
        xs, ws = arrays("forward", 3, (2,))
        ours, theirs = (
            quick_jit(jax.vmap(jax.vmap(jax.grad(functools.partial(wave, f), (0, 1)), (0, None)), (None, 0)))(xs, ws)
            for f in both("forward")
        )
        assert_same(ours, theirs)


def test_each_keeps_the_precision_of_products_that_it_was_made_with():
    x, w = jnp.ones(SHAPES["x"]), jnp.ones(SHAPES["w"])

    def run(w):
        with jax.default_matmul_precision("float32"):
            return wave(both("forward")[0], x, w)

    program = jax.jit(jax.grad(run)).lower(w).as_text()
    assert "HIGHEST" in program
    assert "DEFAULT" not in program


def test_outside_of_jit():
    with jax.enable_x64(True):
        assert_same(*(function(*arrays("forward")) for function in both("forward")))
