"""How many images look alike, memorised or repeated: nearer than training images are to each other, in features.

A generator that draws a few images well has good distances of distributions (`fd`, `kid`) and no memorised images. One
that drew sixty images again and again was seen to have both.
"""

from __future__ import annotations

import numpy as np

from jaxgan.metrics.distances import nearest_distances
from jaxgan.metrics.registry import Given, measure

SHARE = 0.05  # what new real images come to
SOME = 3 * SHARE  # a share of memorised or repeated images that is no accident
NUM_REPEATED = 2_000  # images that are compared with each other
SAME = 1e-5  # of the features' spread: nearer images are copies, whose features differ by rounding


def memorised_share(features: np.ndarray, distances: np.ndarray, training: np.ndarray) -> float:
    """Return the share of images that are nearer to a training image than 95 % of training images to another one.

    New real images come to 0.05. Copies come to 1. Training images that are there twice are left out of the 95 %.

    Args:
      features: float[N, D] of the images.
      distances: float[M], of each training image to the nearest other one.
      training: float[M, D].

    References:
      Meehan, Chaudhuri and Dasgupta, "A Non-Parametric Test to Detect Data-Copying in Generative Models", 2020,
      compares the same two distributions of distances, by another statistic.
    """
    return share_below(nearest_distances(features, training), distances, training)


def repeated_share(features: np.ndarray, training: np.ndarray) -> float:
    """Return the share of images that are nearer to another one than 95 % of training images are to another one.

    New real images come to 0.05, and copies of one another to 1.

    Args:
      features: float[N, D] of the images.
      training: float[N, D], of as many: the more there are, the nearer they are.
    """
    return share_below(nearest_distances(features), nearest_distances(training), training)


def share_below(nearest: np.ndarray, distances: np.ndarray, training: np.ndarray) -> float:
    """Return the share of distances that are below 95 % of those of training images to the nearest other one.

    Args:
      nearest: float[N], of images to the nearest of some images.
      distances: float[M], of each training image to the nearest other one. Those of copies are left out.
      training: float[M, D], features, whose distances separate copies from images that are merely similar.
    """
    least = SAME * np.sqrt(np.square(training - training.mean(0), dtype=np.float64).sum(1).mean())
    apart = distances[distances > least]
    return float(np.mean(nearest < np.quantile(apart, SHARE) if apart.size else nearest <= least))


@measure("memorised", "features", least=3)
def _memorised(given: Given) -> dict[str, float]:
    real = given.real
    if len(real.features) < len(real.images):
        return {}  # the nearest training image may be one whose features were not kept
    return {"memorised": memorised_share(given.features, real.nearest_others, real.features)}


@measure("repeated", "features", least=3)
def _repeated(given: Given) -> dict[str, float]:
    num = min(NUM_REPEATED, len(given.features), len(given.real.features))
    return {"repeated": repeated_share(given.some(given.features, num), given.some(given.real.features, num))}
