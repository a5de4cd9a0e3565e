import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.training.ema import average, by_decay, by_half_life


def test_an_average_is_between_the_old_and_the_new():
    one, zero = {"w": jnp.ones(2)}, {"w": jnp.zeros(2)}
    np.testing.assert_allclose(average(0.25, one, zero)["w"], 0.75, rtol=1e-6)
    np.testing.assert_array_equal(average(1.0, one, zero)["w"], 0.0)


def test_a_decay_warms_up():
    steps = jnp.array([0, 90, 10**6])
    np.testing.assert_allclose(1 - by_decay(0.999, steps), [0.1, 0.91, 0.999], rtol=1e-6)


@pytest.mark.parametrize(
    ("batch", "half_life", "weight"), [(512, 5e6, 0.99992902), (512, 5e5, 0.99929047), (64, 5e5, 0.99991128)]
)
def test_a_half_life_is_in_images(batch, half_life, weight):
    np.testing.assert_allclose(by_half_life(half_life, 0.0, jnp.float32(0), batch), 1 - weight, atol=1e-8)


def test_a_half_life_is_at_most_a_share_of_the_images_seen():
    seen = jnp.array([0.0, 1e4, 1e9])
    expected = [0, 0.5 ** (64 / 500), 0.5 ** (64 / 1e5)]
    np.testing.assert_allclose(by_half_life(1e5, 0.05, seen, 64), 1 - np.array(expected), rtol=1e-5)


def test_a_small_share_is_not_lost_to_rounding():
    np.testing.assert_allclose(by_half_life(1e7, 0.0, jnp.float32(0), 1), np.log(2) * 1e-7, rtol=1e-5)
