"""How many images are memorised: nearer to a training image, in features, than training images are to each other."""

from __future__ import annotations

import numpy as np

from jaxgan.metrics.distances import nearest_distances
from jaxgan.metrics.registry import Given, measure

SHARE = 0.05  # what new real images come to
SOME = 3 * SHARE  # a share of memorised images that is no accident
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
    least = SAME * np.sqrt(np.square(training - training.mean(0), dtype=np.float64).sum(1).mean())
    apart, nearest = distances[distances > least], nearest_distances(features, training)
    return float(np.mean(nearest < np.quantile(apart, SHARE) if apart.size else nearest <= least))


@measure("memorised", "features", least=3)
def _measure(given: Given) -> dict[str, float]:
    real = given.real
    if len(real.features) < len(real.images):
        return {}  # the nearest training image may be one whose features were not kept
    return {"memorised": memorised_share(given.features, real.nearest_others, real.features)}
