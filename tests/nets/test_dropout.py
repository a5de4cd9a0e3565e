"""Dropout: unbiased, reproducible, under every transform."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base import axis
from jaxgan.nets.dropout import Dropout


def apply(key, x, rate=0.3):
    return Dropout(rate).apply({}, x, rngs={"dropout": key})


def test_is_the_identity_without_a_key_or_a_rate():
    x = jnp.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(Dropout(0.5).apply({}, x), x)
    np.testing.assert_array_equal(apply(jax.random.key(0), x, rate=0.0), x)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_names_a_rate_that_is_no_probability(rate):
    with pytest.raises(ValueError, match="rate is"):
        Dropout(rate).apply({}, jnp.ones(3))


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_mean_and_variance(rate):
    x = jnp.ones((200, 40, 50))
    y = np.asarray(apply(jax.random.key(3), x, rate), np.float64)
    variance = rate / (1 - rate)
    assert abs(y.mean() - 1) < 4 * np.sqrt(variance / y.size)
    assert abs(y.var() - variance) < 0.02 * variance
    np.testing.assert_allclose(np.unique(y), [0, 1 / (1 - rate)], rtol=1e-6)


def test_is_reproducible_and_the_same_in_jit_vmap_scan_and_pmap():
    x = jnp.ones((4, 5, 6, 3))

    def keys():
        return jax.random.split(jax.random.key(5), 2)

    expected = np.stack([apply(key, x) for key in keys()])
    assert not np.array_equal(expected[0], expected[1])
    scan = jax.jit(lambda keys: jax.lax.scan(lambda carry, key: (carry, apply(key, x)), 0, keys)[1])
    np.testing.assert_array_equal(jax.jit(jax.vmap(apply, (0, None)))(keys(), x), expected)
    np.testing.assert_array_equal(scan(keys()), expected)
    devices = jax.local_device_count()
    mapped = jax.pmap(apply, in_axes=(0, None))(keys()[:devices], x)
    np.testing.assert_array_equal(mapped, expected[:devices])


def test_each_device_takes_its_rows_of_one_mask():
    x = jnp.ones((2, 6, 5))
    key = jax.random.key(1)

    def joint(_, x):
        with axis.stacked(2):
            return apply(key, x)

    on_one, pairs = apply(key, x.reshape(12, 5)), (jnp.zeros(2), x)
    shares = jax.pmap(lambda _, x: apply(key, x), axis_name=axis.NAME)(*pairs)
    np.testing.assert_array_equal(shares.reshape(12, 5), on_one)
    # Two batches of six rows in one pass: each device has three of either.
    stacked = jax.pmap(joint, axis_name=axis.NAME)(*pairs)
    np.testing.assert_array_equal(jnp.swapaxes(stacked.reshape(2, 2, 3, 5), 0, 1).reshape(12, 5), on_one)


def test_gradient_is_the_mask():
    x = jnp.full((30, 7), 2.0)
    y, pull = jax.vjp(lambda x: apply(jax.random.key(0), x), x)
    np.testing.assert_allclose(pull(jnp.ones_like(x))[0] * x, y, rtol=1e-6)


def test_keeps_the_type_and_works_with_strict_settings():
    with jax.numpy_rank_promotion("raise"), jax.debug_key_reuse(True):
        y = jax.jit(apply)(jax.random.key(2), jnp.ones((3, 4, 4, 2), jnp.bfloat16))
    assert y.dtype == jnp.bfloat16


@pytest.mark.parametrize("impl", ["rbg", "unsafe_rbg"])
def test_takes_keys_of_other_generators(impl):
    y = apply(jax.random.key(0, impl=impl), jnp.ones(10000))
    assert abs(float(y.mean()) - 1) < 0.03
