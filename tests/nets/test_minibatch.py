"""Minibatch standard deviation against NumPy, on one device and on two."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base import axis
from jaxgan.nets.minibatch import append_std


def maps(rows, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=(rows, 2, 3, 5)), jnp.float32)


def test_channel_is_the_mean_deviation_within_a_group():
    x = maps(8)
    y = append_std(x, 4)
    np.testing.assert_array_equal(y[..., :-1], x)
    for rows in slice(0, 4), slice(4, 8):
        np.testing.assert_allclose(y[rows, ..., -1], np.asarray(x)[rows].std(0).mean(), rtol=1e-5)
    flat = append_std(x.reshape(8, -1), 8)
    np.testing.assert_allclose(flat[:, -1], np.asarray(x).std(0).mean(), rtol=1e-5)


def test_groups_that_are_not():
    x = maps(6)
    assert append_std(x, 0) is x
    np.testing.assert_array_equal(append_std(x, 9)[..., -1], append_std(x, 6)[..., -1])
    with pytest.raises(ValueError, match="6 images do not divide into groups of 4"):
        append_std(x, 4)


def test_equal_images_have_a_gradient():
    x = jnp.ones((4, 2, 2, 1), jnp.bfloat16)
    assert append_std(x, 4).dtype == jnp.bfloat16
    assert jnp.isfinite(jax.grad(lambda x: append_std(x, 4).astype(jnp.float32).sum())(x)).all()


def test_kinds_do_not_mix_and_devices_do_not_matter():
    real, fake = maps(8), 3 * maps(8, seed=1)

    def joint(real, fake):
        with axis.stacked(2):
            return append_std(jnp.concatenate([real, fake]), 4)[..., -1]

    expected = [append_std(side, 4)[..., -1] for side in (real, fake)]
    np.testing.assert_allclose(joint(real, fake), jnp.concatenate(expected), rtol=1e-6)
    shares = (side.reshape(2, 4, *side.shape[1:]) for side in (real, fake))
    two = jax.pmap(joint, axis_name=axis.NAME)(*shares)
    np.testing.assert_allclose(jnp.swapaxes(two.reshape(2, 2, 4, 2, 3), 0, 1).reshape(2, 8, 2, 3), expected, rtol=1e-6)
    with axis.stacked(2), pytest.raises(ValueError, match="6 images do not divide into groups of 4"):
        append_std(maps(12), 4)


def test_under_jit_and_vmap():
    xs = jnp.stack([maps(4), maps(4, seed=2)])
    many = jax.jit(jax.vmap(functools.partial(append_std, group_size=2)))(xs)
    np.testing.assert_allclose(many, jnp.stack([append_std(x, 2) for x in xs]), rtol=1e-6)
