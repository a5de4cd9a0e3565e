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

import itertools
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array

WIDEST = 0.28  # of a flat average, 1 / sqrt(12) = 0.289
LEAST_RATIO = 1.2  # of two widths that are kept; nearer ones tell nothing of others


def exponent(std: float) -> float:
    """Return g of the profile whose relative width is `std`, in 0.001..0.28; UserError beyond."""
    checks.in_range("ema_std", std, 0.001, WIDEST)
    square = std**-2
    return float(np.roots([1, 7, 16 - square, 12 - square]).real.max())


def check_widths(stds: Sequence[float]) -> None:
    """Raise UserError unless the widths lie in range, and apart."""
    for std in stds:
        checks.in_range("ema_std", std, 0.001, WIDEST)
    for near, far in itertools.pairwise(sorted(stds)):
        if far < LEAST_RATIO * near:
            raise UserError(
                f"ema_stds has {near} and {far}, too alike to make other widths of; keep two that differ by a factor "
                f"of {LEAST_RATIO} or more, such as 0.05 and 0.1."
            )


def share(std: float, step: Array) -> Array:
    """Return the share float32[] of the new variables in the average: 1 - (1 - 1 / t)^(g + 1).

    Args:
      std: relative width.
      step: int32[], training steps made before this one; t is one more.
    """
    # Exact where t is large, when the share comes near what float32 can add to 1.
    return -jnp.expm1((exponent(std) + 1) * jnp.log1p(-1 / (step.astype(jnp.float32) + 1)))


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
    weights = np.linalg.lstsq(gram, onto)[0]
    weights /= weights.sum()
    norm = _overlap(time, power, time, power)
    square = weights @ gram @ weights - 2 * weights @ onto + norm
    return weights, float(np.sqrt(max(square, 0.0) / norm))


def _overlap(ta, ga, tb, gb) -> np.ndarray:
    """Return the inner product of two profiles, the integral of their product over time."""
    power = np.where(ta < tb, gb, -ga)
    return (ga + 1) * (gb + 1) * (ta / tb) ** power / ((ga + gb + 1) * np.maximum(ta, tb))
