"""Against closed forms: a linear D has the same gradient everywhere, a quadratic one a known gradient."""

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from scipy.optimize import approx_fprime

from jaxgan.base import axis
from jaxgan.base.types import Batch
from jaxgan.nets.conv import Conv
from jaxgan.objectives import penalties

WEIGHTS = jax.random.normal(jax.random.key(0), (4, 3, 2))


def linear(images, labels):
    return jnp.einsum("bhwc,hwc->b", images, WEIGHTS)


def quadratic(images, labels):
    return jnp.sum(images**2, (1, 2, 3)) / 2  # the gradient is the image itself


def batch(num, seed):
    return Batch(jax.random.normal(jax.random.key(seed), (num, 4, 3, 2)), jnp.zeros(num, jnp.int32))


def values(name, score, num=5, key=9):
    return penalties.PENALTIES[name].value(score, batch(num, 1), batch(num, 2), jax.random.key(key))


@pytest.mark.parametrize("num", [1, 5])
def test_linear_discriminator(num):
    squared = float(jnp.sum(WEIGHTS**2))
    np.testing.assert_allclose(values("r1", linear, num), squared / 2, rtol=1e-5)
    np.testing.assert_allclose(values("r2", linear, num), squared / 2, rtol=1e-5)
    np.testing.assert_allclose(values("wgan_gp", linear, num), (squared**0.5 - 1) ** 2, rtol=1e-5)
    np.testing.assert_allclose(values("zero_centred", linear, num), squared, rtol=1e-5)


def test_images_that_count():
    np.testing.assert_allclose(values("r1", quadratic), jnp.sum(batch(5, 1).images ** 2, (1, 2, 3)) / 2, rtol=1e-5)
    np.testing.assert_allclose(values("r2", quadratic), jnp.sum(batch(5, 2).images ** 2, (1, 2, 3)) / 2, rtol=1e-5)


@pytest.mark.parametrize("sigma", [penalties.SIGMA, 0.5])
def test_finite_differences_have_the_expectation_over_the_noise(sigma):
    """Of a linear D it is |w|^2; of D = |x|^2 / 2 it is |x|^2 + sigma^2 d (d + 2) / 4, for d numbers of an image."""
    num, d = 100_000, WEIGHTS.size
    one = batch(1, 1)
    many = Batch(jnp.broadcast_to(one.images, (num, *WEIGHTS.shape)), jnp.zeros(num, jnp.int32))
    for score, expected in (
        (linear, float(jnp.sum(WEIGHTS**2))),
        (quadratic, float(jnp.sum(one.images**2)) + sigma**2 * d * (d + 2) / 4),
    ):
        found = np.asarray(penalties.squared_difference(score, many, jax.random.key(4), sigma), np.float64)
        assert found.mean() == pytest.approx(expected, abs=4 * found.std() / num**0.5)
        assert found.std() / num**0.5 < 0.01 * expected


def test_approximations_have_the_weights_of_r1_and_r2_and_see_their_images():
    real, fake = (Batch(size * batch(20_000, 1).images, jnp.zeros(20_000, jnp.int32)) for size in (1, 3))
    for name, size in ("r1", 1), ("r2", 3):
        exact, found = (penalties.PENALTIES[one].value for one in (name, f"approx_{name}"))
        expected = exact(quadratic, real, fake, jax.random.key(0)).mean()
        np.testing.assert_allclose(expected, size**2 * WEIGHTS.size / 2, rtol=0.02)
        np.testing.assert_allclose(found(quadratic, real, fake, jax.random.key(5)).mean(), expected, rtol=0.05)


def test_images_on_two_devices_have_the_noise_that_they_have_on_one():
    images = batch(4, 1).images

    def value(images):
        return penalties.approx_r1(quadratic, Batch(images, jnp.zeros(len(images), jnp.int32)), None, jax.random.key(7))

    halves = jax.pmap(value, axis_name=axis.NAME)(images.reshape(2, 2, *WEIGHTS.shape))
    np.testing.assert_allclose(halves.ravel(), value(images), rtol=1e-4)


def test_points_lie_between_and_one_share_serves_a_image():
    real, fake = batch(5, 1), batch(5, 2)
    points = penalties.between(real, fake, jax.random.key(3)).images
    share = (points - fake.images) / (real.images - fake.images)
    assert (share > 0).all()
    assert (share < 1).all()
    np.testing.assert_allclose(share, jnp.broadcast_to(share[:, :1, :1, :1], share.shape), atol=1e-4)
    assert len(np.unique(np.round(share[:, 0, 0, 0], 3))) == 5


def test_root_has_a_finite_slope_where_d_is_flat():
    def loss(scale):
        return jnp.sum(
            penalties.wgan_gp(lambda x, y: scale * linear(x, y), batch(2, 1), batch(2, 2), jax.random.key(0))
        )

    assert np.isfinite(jax.grad(loss)(0.0))


def test_only_weights_that_count_are_taken():
    made = penalties.from_weights({"r1": 0.1, "r2": 0.0, "wgan_gp": 10.0})
    assert [(p.name, p.weight, p.sides) for p in made] == [
        ("r1", 0.1, ("real",)),
        ("wgan_gp", 10.0, ("real", "fake")),
    ]
    with pytest.raises(ValueError, match="weight of penalty r1 is -1"):
        penalties.from_weights({"r1": -1.0})


class SmoothD(nn.Module):
    """A discriminator of our convolutions, whose second derivatives are nowhere zero."""

    @nn.compact
    def __call__(self, images):
        x = nn.tanh(Conv(3, 3, strides=2)(images))
        return nn.Dense(1)(nn.tanh(Conv(2, 3)(x)).reshape(images.shape[0], -1))[:, 0]


@pytest.mark.parametrize("name", penalties.PENALTIES)
def test_gradients_by_the_parameters_of_d_are_slopes_in_float64(name):
    with jax.enable_x64(True):
        net, function = SmoothD(), penalties.PENALTIES[name].value
        sides = [Batch(jax.random.normal(jax.random.key(i), (3, 6, 6, 2)), jnp.zeros(3, jnp.int32)) for i in (1, 2)]
        flat, unravel = jax.flatten_util.ravel_pytree(
            jax.tree.map(lambda x: x.astype(jnp.float64), net.init(jax.random.key(0), sides[0].images))
        )

        @jax.jit
        def value(flat):
            def score(images, labels):
                return net.apply(unravel(flat), images)

            return jnp.mean(function(score, *sides, jax.random.key(3)))

        slope = jax.grad(value)(flat)
        assert slope.dtype == np.float64
        measured = approx_fprime(np.asarray(flat), lambda x: float(value(jnp.asarray(x))), 1e-7)
    np.testing.assert_allclose(slope, measured, atol=1e-6)
    assert np.abs(measured).max() > 1e-3
