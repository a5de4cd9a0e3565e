import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.training import power_ema
from jaxgan.training.ema import average


@pytest.mark.parametrize(("std", "power"), [(0.05, 16.972), (0.10, 6.937), (0.15, 3.558), (0.20, 1.826)])
def test_exponents_are_the_published_ones(std, power):
    assert power_ema.exponent(std) == pytest.approx(power, abs=1e-3)


@pytest.mark.parametrize(
    ("std", "steps", "weight"), [(0.10, 1, 0), (0.10, 10, 0.433325), (0.10, 100, 0.923327), (0.05, 100, 0.834747)]
)
def test_weights_are_the_published_ones(std, steps, weight):
    np.testing.assert_allclose(1 - power_ema.share(std, jnp.int32(steps - 1)), weight, atol=2e-6)


def averages(values, std):
    """The average after each step, by the rule that the step follows."""

    def move(old, given):
        step, value = given
        new = average(power_ema.share(std, step), old, value)
        return new, new

    return jax.lax.scan(move, jnp.float32(123.0), (jnp.arange(len(values)), values))[1]


def test_the_profile_has_the_width_that_was_asked_for():
    num, std = 2_000, 0.1
    times = jnp.arange(1.0, num + 1)
    mean, square = averages(times / num, std)[-1], averages((times / num) ** 2, std)[-1]
    np.testing.assert_allclose(jnp.sqrt(square - mean**2), std, rtol=0.01)


def profile(std, time, num):
    power, tau = power_ema.exponent(std), np.arange(num) + 0.5
    return np.where(tau < time, (power + 1) / time * (tau / time) ** power, 0)


@pytest.mark.parametrize(("std", "far"), [(0.07, 0.02), (0.13, 0.02), (0.2, 0.1)])
def test_other_widths_are_made_afterwards_of_two(std, far):
    num = 2_000
    kept = [(t, s) for t in range(250, num + 1, 250) for s in (0.05, 0.10)]
    weights, misfit = power_ema.combination(kept, num, std)
    assert weights.sum() == pytest.approx(1)
    made = sum(w * profile(s, t, num) for w, (t, s) in zip(weights, kept, strict=True))
    wanted = profile(std, num, num)
    assert np.linalg.norm(made - wanted) / np.linalg.norm(wanted) == pytest.approx(misfit, rel=0.05)
    assert misfit < far


def test_a_width_that_is_kept_is_itself():
    weights, misfit = power_ema.combination([(100, 0.05), (100, 0.1), (200, 0.05), (200, 0.1)], 200, 0.1)
    np.testing.assert_allclose(weights, [0, 0, 0, 1], atol=1e-9)
    assert misfit < 1e-6


@pytest.mark.parametrize("std", [0.0, 0.5, float("nan")])
def test_widths_that_cannot_be_are_refused(std):
    with pytest.raises(ValueError, match="ema_std is"):
        power_ema.exponent(std)


@pytest.mark.parametrize("step", [10**6, 10**7])
def test_a_small_share_is_not_lost_to_rounding(step):
    expected = -np.expm1((power_ema.exponent(0.05) + 1) * np.log1p(-1 / (step + 1)))
    np.testing.assert_allclose(power_ema.share(0.05, jnp.int32(step)), expected, rtol=1e-5)


@pytest.mark.parametrize("stds", [(0.1, 0.1), (0.1, 0.05, 0.101)])
def test_widths_that_are_alike_are_refused(stds):
    with pytest.raises(ValueError, match=r"ema_stds has 0\.1 and 0\.1"):
        power_ema.check_widths(stds)
