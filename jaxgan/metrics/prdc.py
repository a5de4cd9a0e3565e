"""Fidelity and variety by nearest neighbours: precision and recall, density and coverage."""

from __future__ import annotations

import numpy as np

from jaxgan.base import checks
from jaxgan.metrics.distances import over_distances
from jaxgan.metrics.registry import Given, measure

# Neighbours in the sources.
K_MANIFOLD = 3
K_DENSITY = 5

# Drawn at random of the images and of the real ones, so that 10,000 images take seconds.
NUM_IMAGES = 5_000


def neighbour_scores(
    real: np.ndarray, fake: np.ndarray, *, k_manifold: int = K_MANIFOLD, k_density: int = K_DENSITY
) -> dict[str, float]:
    """Return precision, recall, density and coverage.

    Around each image stands a ball that reaches to the k-th nearest other image of the same set.

        precision: share of fakes in the ball of a real image      (k = 3, distance <= radius)
        recall:    share of reals in the ball of a fake              (k = 3, distance <= radius)
        density:   mean number of real balls that a fake is in, / k  (k = 5, distance < radius)
        coverage:  share of real balls with a fake in them           (k = 5, distance < radius)

    On equal distributions density is 1 on average, and coverage is 1 - prod_{i=1..k} (N - i) / (N + M - i): the chance
    that not all k nearest images are real. Precision and recall stay below 1, more so with more numbers in a feature.
    Density may exceed 1.

    Args:
      real: float[N, D] features.
      fake: float[M, D] features.
      k_manifold: of precision and recall.
      k_density: of density and coverage.

    Raises:
      ValueError: no more than k images in a set.

    References:
      Kynkaanniemi, Karras, Laine, Lehtinen and Aila, "Improved Precision and Recall Metric for Assessing Generative
      Models", 2019, equations 1 and 2. Naeem, Oh, Uh, Choi and Yoo, "Reliable Fidelity and Diversity Metrics for
      Generative Models", 2020, equations 5 and 6.
    """
    checks.in_range("k", min(k_manifold, k_density), 1)
    checks.in_range("The number of images", min(len(real), len(fake)), max(k_manifold, k_density) + 1)
    of_real = _squared_radii(real, k_manifold, k_density)
    of_fake = _squared_radii(fake, k_manifold)

    def compare(rows: slice, block: np.ndarray) -> tuple[np.ndarray, int, int, int]:
        within = block < of_real[1][rows, None]
        recalled = (block <= of_fake[0]).any(1)
        precise = np.logical_or.reduce(block <= of_real[0][rows, None], axis=0)
        return precise, int(recalled.sum()), int(within.any(1).sum()), int(within.sum())

    precise, recalled, covered, inside = zip(*over_distances(compare, real, fake), strict=True)
    return {
        "precision": float(np.any(precise, axis=0).mean()),
        "recall": sum(recalled) / len(real),
        "density": sum(inside) / (k_density * len(fake)),
        "coverage": sum(covered) / len(real),
    }


def _squared_radii(x: np.ndarray, *neighbours: int) -> list[np.ndarray]:
    """Return the squared distance to the k-th neighbour, float64[N], for each k."""

    def nearest(rows: slice, block: np.ndarray) -> np.ndarray:
        del rows
        block.partition(neighbours, axis=1)
        return block[:, list(neighbours)].T  # a vector is its own nearest one, so the k-th other one has index k

    return list(np.concatenate(over_distances(nearest, x, x), axis=1))


@measure("prdc", "features", least=K_DENSITY + 1, higher=("precision", "recall", "density", "coverage"))
def _measure(given: Given) -> dict[str, float]:
    # The reference's are in random order already.
    return neighbour_scores(given.real.features[:NUM_IMAGES], given.some(given.features, NUM_IMAGES))
