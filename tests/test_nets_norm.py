"""Batch norm: flax.linen's own is the reference, in values, gradients and gradients of gradients."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import axis
from jaxgan.nets.norm import BatchNorm

MOMENTUM, EPSILON = 0.7, 1e-3


def ours(train=True):
    return BatchNorm(train=train, momentum=MOMENTUM, epsilon=EPSILON)


def flax_own(train=True):
    return nn.BatchNorm(not train, momentum=MOMENTUM, epsilon=EPSILON, use_fast_variance=False)


def inputs(shape=(6, 3, 4, 5), dtype=np.float64):
    rng = np.random.default_rng(0)
    x = rng.normal(2, 3, size=shape).astype(dtype)
    channels = shape[-1:]
    params = {"scale": rng.normal(1, 0.3, channels), "bias": rng.normal(size=channels)}
    stats = {"mean": rng.normal(size=channels), "var": rng.uniform(0.5, 2, channels)}
    return jnp.asarray(x), *jax.tree.map(lambda v: jnp.asarray(v.astype(dtype)), (params, stats))


def run(module, x, params, stats):
    y, moved = module.apply({"params": params, "batch_stats": stats}, x, mutable=["batch_stats"])
    return y, moved.get("batch_stats", stats)


def weigh(tree):
    """A number that depends on every element in a way of its own."""
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
def test_values_statistics_and_variables(float64, train, shape):
    x, params, stats = inputs(shape)
    assert_same(run(ours(train), x, params, stats), run(flax_own(train), x, params, stats))
    assert_same(ours(train).init(jax.random.key(0), x), flax_own(train).init(jax.random.key(0), x))


@pytest.mark.parametrize("train", [True, False])
def test_gradients_also_through_the_statistics(float64, train):
    arguments = inputs()

    def gradients(module):
        return jax.grad(lambda x, params, stats: weigh(run(module, x, params, stats)), (0, 1, 2))(*arguments)

    assert_same(gradients(ours(train)), gradients(flax_own(train)))


def test_gradients_of_gradients(float64):
    x, params, stats = inputs((5, 2, 3))

    def penalty(module, x, params):
        return weigh(jax.grad(lambda x: weigh(run(module, x, params, stats)))(x))

    first, second = (jax.grad(lambda *a, m=m: penalty(m, *a), (0, 1))(x, params) for m in (ours(), flax_own()))
    assert_same(first, second, rtol=1e-7)


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
    (y, moved), (expected, _) = run(ours(), *narrow, stats), run(ours(), x, params, stats)
    assert y.dtype == jnp.bfloat16
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(moved))
    np.testing.assert_allclose(y.astype(jnp.float32), expected, rtol=0.02, atol=0.03)

    def gradients(x, params):
        return jax.grad(lambda x, params: run(ours(), x, params, stats)[0].astype(jnp.float32).sum(), (0, 1))(x, params)

    (dx, of_params), (_, exact) = gradients(*narrow), gradients(x, params)
    assert {leaf.dtype for leaf in jax.tree.leaves((dx, of_params))} == {jnp.dtype(jnp.bfloat16)}
    # The sum of 25,600 ones stops at 256 if it is made in bfloat16.
    np.testing.assert_allclose(of_params["bias"].astype(jnp.float32), exact["bias"], rtol=0.01)


def test_two_devices_normalise_as_one(float64):
    x, params, stats = inputs()

    def loss(x, params):
        y, moved = run(ours(), x, params, stats)
        # Each device's own share of a sum over the whole batch, as in a training step.
        weights = 1 + axis.share(jnp.arange(6 * 60.0).reshape(6, 3, 4, 5))
        return jnp.mean(jnp.sin(y * weights)) + weigh(moved), moved

    def step(x, params):
        (dx, of_params), moved = jax.grad(loss, (0, 1), has_aux=True)(x, params)
        return dx / axis.size(), axis.mean(of_params), moved

    dx, of_params, moved = step(x, params)
    shares = x.reshape(2, 3, *x.shape[1:])
    two = jax.pmap(step, axis_name=axis.NAME, in_axes=(0, None))(shares, params)
    assert_same(two[0].reshape(x.shape), dx)
    for device in range(2):
        assert_same(jax.tree.map(lambda leaf, i=device: leaf[i], two[1:]), (of_params, moved))
