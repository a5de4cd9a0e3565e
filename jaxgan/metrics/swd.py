"""Sliced Wasserstein distance: the mean over random directions of W1 between the projections of two sets of images.

References:
  Rabin, Peyre, Delon and Bernot, "Wasserstein Barycenter and Its Application to Texture Mixing", 2011, section 3;
  with W1 as in Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs", 2018, section 5.
"""

from __future__ import annotations

import numpy as np

from jaxgan.base import checks
from jaxgan.metrics.registry import Given, measure

NUM_PROJECTIONS = 128


def project(vectors: np.ndarray, *, num_projections: int = NUM_PROJECTIONS, seed: int = 0) -> np.ndarray:
    """Return float32[N, P]: the coordinates of float[N, D] along random unit vectors, each column in rising order."""
    directions = np.random.default_rng(seed).standard_normal((vectors.shape[1], num_projections))
    directions /= np.sqrt(np.square(directions).sum(0))
    return np.sort(vectors.astype(np.float32, copy=False) @ directions.astype(np.float32), axis=0)


def wasserstein_1d(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean over columns of W1 between sorted samples float[N, P] and float[M, P]: int |F^-1 - G^-1| du."""
    checks.in_range("The number of images", min(len(first), len(second)), 1)
    if len(first) == len(second):
        return float(np.abs(first - second).mean(dtype=np.float64))
    # Both quantile functions are steps; between two ends of steps they are constant.
    ends = np.union1d(np.arange(1, len(first) + 1) * len(second), np.arange(1, len(second) + 1) * len(first))
    widths = np.diff(ends, prepend=0) / ends[-1]
    gaps = np.abs(first[(ends - 1) // len(second)] - second[(ends - 1) // len(first)])
    return float((widths @ gaps.astype(np.float64)).mean())


def pixels(images: np.ndarray) -> np.ndarray:
    """Return uint8[N, H, W, C] images as vectors float32[N, H W C] in 0..1."""
    return images.reshape(len(images), -1).astype(np.float32) / 255


@measure("swd")
def _measure(given: Given) -> dict[str, float]:
    return {"swd": wasserstein_1d(given.real.projections, project(pixels(given.images)))}
