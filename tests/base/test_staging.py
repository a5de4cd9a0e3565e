"""A function split in two is the function, and its first part does all that it can."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base import staging
from jaxgan.nets import conv


def affine(w, x, bias):
    """Every kind of step: calls, derivatives of one's own, constants, what is passed on unchanged."""
    gain = jax.nn.relu(jnp.tanh(w).T) * jnp.arange(3.0)[None]
    return {"y": jax.jit(lambda x: jax.nn.relu(x @ gain + 1))(x) + bias[None], "w": w, "x": x, "one": jnp.ones(())}


def names(function, *args):
    """The operations of a function, those of its calls too."""

    def inside(jaxpr):
        for equation in jaxpr.eqns:
            yield equation.primitive.name
            for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")):
                if hasattr(inner, "eqns"):
                    yield from inside(inner)

    return set(inside(jax.make_jaxpr(function)(*args)))


def prepared(halves, known):
    """Return what the second half takes of the known array."""
    return [*([known] if halves.passed else []), *halves.first([known])]


def test_both_parts_together_are_the_function():
    w, x, bias = jnp.cos(jnp.arange(12.0)).reshape(3, 4), jnp.ones((2, 4)), jnp.ones(3)
    halves = staging.split(affine, w, x, bias)
    given = [*([w] if halves.passed else []), *jax.jit(halves.first)([w])]
    jax.tree.map(np.testing.assert_allclose, jax.jit(halves.second)(given, x, bias), affine(w, x, bias))


def test_the_first_part_does_what_the_known_argument_determines():
    w, x, bias = jnp.ones((3, 4)), jnp.ones((2, 4)), jnp.ones(3)
    halves = staging.split(affine, w, x, bias)
    assert {"tanh", "transpose"} <= names(halves.first, [w])
    assert "dot_general" not in names(halves.first, [w])
    later = names(halves.second, prepared(halves, w), x, bias)
    assert not {"tanh", "transpose"} & later
    assert "dot_general" in later


@jax.custom_vjp
def doubled(x):
    return 2 * x


doubled.defvjp(lambda x: (doubled(x), None), lambda _, g: (2 * g,))


def test_other_kinds_of_calls_keep_their_meaning():
    def function(w, x):
        def body(carry, row):
            return carry + row * doubled(w[0]), carry

        last, all_ = jax.lax.scan(jax.checkpoint(body), jnp.zeros(4), x)
        return jax.lax.cond(last[0] > 0, lambda: last, lambda: -last), all_, jax.vmap(doubled)(w)

    w, x = jnp.cos(jnp.arange(8.0)).reshape(2, 4), jnp.ones((3, 4))
    halves = staging.split(function, w, x)
    given = prepared(halves, w)
    jax.tree.map(
        functools.partial(np.testing.assert_allclose, rtol=1e-6), jax.jit(halves.second)(given, x), function(w, x)
    )


def test_nothing_large_is_made_of_something_small():
    def function(scale, x):
        return jnp.broadcast_to(jnp.exp(scale), x.shape) * x

    halves = staging.split(function, jnp.ones(4), jnp.ones((1000, 4)))
    given = prepared(halves, jnp.ones(4))
    assert [array.shape for array in given] == [(4,)]
    np.testing.assert_allclose(halves.second(given, jnp.ones((1000, 4))), np.full((1000, 4), np.e), rtol=1e-6)


def test_what_is_only_passed_on_is_not_made_again():
    halves = staging.split(lambda known, x: known[0] + jnp.exp(known[1]) * x, [jnp.ones(3), jnp.ones(3)], jnp.ones(3))
    assert halves.passed == [0]
    assert len(halves.first([jnp.ones(3), jnp.ones(3)])) == 1


@pytest.mark.parametrize("num", [1, 5, 64])
def test_kernels_of_our_convolutions_are_prepared(num):
    x, kernel = jnp.ones((num, 7, 7, 40)), jnp.cos(jnp.arange(5 * 5 * 40 * 40.0)).reshape(5, 5, 40, 40)
    with conv.forced("cpu"):
        function = lambda w, x: conv.conv_transpose(x, w, (2, 2)) + conv.upsample_conv(x, w)  # noqa: E731
        halves = staging.split(function, kernel, x)
        given = prepared(halves, kernel)
        np.testing.assert_allclose(halves.second(given, x), function(kernel, x), atol=1e-3)
    # What is left for each call moves the maps only: it reverses nothing.
    assert "rev" in names(halves.first, [kernel])
    assert "rev" not in names(halves.second, given, x)


def test_parts_that_depend_on_nothing_known_and_arguments_that_are_not_used():
    halves = staging.split(lambda known, x: x + 1, jnp.ones(2), jnp.ones(3))
    assert prepared(halves, jnp.ones(2)) == []
    np.testing.assert_array_equal(halves.second([], jnp.ones(3)), 2 * np.ones(3))


def test_what_no_result_needs_is_not_done():
    def wasteful(w, x):
        _ = jnp.sin(w) + x
        return jnp.cos(w) * x

    halves = staging.split(wasteful, jnp.ones(3), jnp.ones(3))
    assert len(halves.first([jnp.ones(3)])) == 1
    assert "sin" not in names(halves.first, [jnp.ones(3)])
