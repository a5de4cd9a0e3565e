"""Averages over all of a run whose width is a share of its length, and how others are made of them afterwards.

At time t the weight of the parameters of time tau is proportional to tau^g. The relative width of that profile, its
standard deviation as a share of t, is

    s = sqrt((g + 1) / ((g + 2)^2 (g + 3)))

Averages of two widths, stored at several times, span others: their least-squares fit needs no training.

References:
  Karras, Aittala, Lehtinen, Hellsten, Aila and Laine, "Analyzing and Improving the Training Dynamics of Diffusion
  Models", 2024, section 3 and appendix C.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks
from jaxgan.base.types import Array

WIDEST = 0.28  # of a flat average, 1 / sqrt(12) = 0.289


def exponent(std: float) -> float:
    """Return g of the profile whose relative width is `std`, in 0.001..0.28; UserError beyond."""
    checks.in_range("ema_std", std, 0.001, WIDEST)
    square = std**-2
    return float(np.roots([1, 7, 16 - square, 12 - square]).real.max())


def old_weight(std: float, step: Array) -> Array:
    """Return the weight float32[] of the old average in the new one: (1 - 1 / t)^(g + 1).

    Args:
      std: relative width.
      step: int32[], training steps made before this one; t is one more.
    """
    return (1 - 1 / (step.astype(jnp.float32) + 1)) ** (exponent(std) + 1)


def combination(stored: Sequence[tuple[float, float]], time: float, std: float) -> tuple[np.ndarray, float]:
    """Return how stored averages come closest to one of another width.

    Args:
      stored: (time, std) of each average.
      time: of the wanted one, in the unit of the stored times.
      std: of the wanted one.

    Returns:
      Their weights float64[n], of sum 1, and the distance of the profile that they make from the wanted one, as a
      share of that one's norm.
    """
    times, powers = np.array([(t, exponent(s)) for t, s in stored]).T
    power = exponent(std)
    gram, onto = _overlap(times[:, None], powers[:, None], times, powers), _overlap(times, powers, time, power)
    weights = np.linalg.solve(gram, onto)
    weights /= weights.sum()
    norm = _overlap(time, power, time, power)
    square = weights @ gram @ weights - 2 * weights @ onto + norm
    return weights, float(np.sqrt(max(square, 0.0) / norm))


def _overlap(ta, ga, tb, gb) -> np.ndarray:
    """Return the inner product of two profiles, the integral of their product over time."""
    power = np.where(ta < tb, gb, -ga)
    return (ga + 1) * (gb + 1) * (ta / tb) ** power / ((ga + gb + 1) * np.maximum(ta, tb))
