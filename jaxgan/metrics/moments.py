"""Mean and covariance of features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jaxgan.base import checks

CHUNK = 4096  # features turned into float64 at a time


class Moments(NamedTuple):
    """Mean and covariance of features.

    Attributes:
      num: number of images N.
      mean: float64[D].
      cov: float64[D, D], the sum of products over N - 1.
    """

    num: int
    mean: np.ndarray
    cov: np.ndarray


def moments(features: np.ndarray | Iterable[np.ndarray]) -> Moments:
    """Compute mean and covariance in float64, chunk by chunk.

    Args:
      features: float[N, D], or any number of such chunks.

    Raises:
      UserError: fewer than two images.

    References:
      Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979,
      equation 2.1.
    """
    chunks = features
    if isinstance(features, np.ndarray):
        chunks = (features[start : start + CHUNK] for start in range(0, len(features), CHUNK))
    num, mean, scatter = 0, np.zeros(()), np.zeros(())
    for chunk in chunks:
        x = np.asarray(chunk, np.float64)
        own = x.mean(0)
        shift, centred = own - mean, x - own
        both = num + len(x)
        scatter = scatter + centred.T @ centred + np.outer(shift, shift) * (num * len(x) / both)
        mean, num = mean + shift * (len(x) / both), both
    checks.in_range("The number of images", num, 2)
    return Moments(num, mean, scatter / (num - 1))
