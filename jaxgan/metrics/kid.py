"""Kernel distance between two sets of features, without bias at any number of images."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks
from jaxgan.base.types import Array
from jaxgan.metrics.registry import Given, measure


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, *, num_subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the kernel inception distance and its standard error.

    The mean over random subsets of m images of the unbiased squared MMD with k(a, b) = (a.b / D + 1)^3:

        (sum_{i != j} k(x_i, x_j) + k(y_i, y_j)) / (m (m - 1)) - 2 mean_ij k(x_i, y_j)

    On equal distributions it is 0 on average, so slightly negative values are right. Subsets overlap: their mean is as
    certain as that of N / m independent ones at most. The error is their standard deviation times sqrt(m / N), N the
    smaller set. Where m is above N / 2, it comes from other subsets of N / 2: subsets of all images would not differ.
    On equal distributions it is too large rather than too small.

    Args:
      real: float[N, D] features.
      fake: float[M, D] features.
      num_subsets: more make the figure steadier.
      subset_size: m, or the smaller set where that has fewer.
      seed: of the subsets.

    References:
      Binkowski, Sutherland, Arbel and Gretton, "Demystifying MMD GANs", 2018, section 4 and equation 4.
    """
    smaller = min(len(real), len(fake))
    size = min(subset_size, smaller)
    checks.in_range("The number of images", size, 2)
    checks.in_range("num_subsets", num_subsets, 2)
    rng = np.random.default_rng(seed)
    # Not NumPy's products: many small ones keep the threads of its BLAS waiting for each other, on busy cores 20 times
    # as long as XLA takes.
    with jax.enable_x64(True):

        def draw(size: int) -> list[np.ndarray]:
            pairs = ((_subset(rng, real, size), _subset(rng, fake, size)) for _ in range(num_subsets))
            return jax.device_get([_mmd(*jax.device_put(pair)) for pair in pairs])

        values = draw(size)
        part = min(size, max(2, smaller // 2))
        spread = np.std(values if part == size else draw(part), ddof=1)
    return float(np.mean(values)), float(spread * max(part / smaller, 1 / num_subsets) ** 0.5)


def _subset(rng: np.random.Generator, features: np.ndarray, size: int) -> np.ndarray:
    """Draw images as float64[m, D + 1], scaled so that a.b / D + 1 is one product."""
    rows = np.asarray(features[rng.choice(len(features), size, replace=False)], np.float64)
    return np.concatenate([rows / np.sqrt(rows.shape[1]), np.ones((size, 1))], axis=1)


@jax.jit
def _mmd(x: Array, y: Array) -> Array:
    pairs = len(x) * (len(x) - 1)
    return (_sum_of_pairs(x) + _sum_of_pairs(y)) / pairs - 2 * _sum(x, y) / (len(x) * len(y))


def _sum_of_pairs(x: Array) -> Array:
    """Sum the kernel over pairs of different images."""
    return _sum(x, x) - (jnp.square(x).sum(1) ** 3).sum()


def _sum(x: Array, y: Array) -> Array:
    return ((x @ y.T) ** 3).sum()


@measure("kid", "features", neutral=("kid_se",))
def _measure(given: Given) -> dict[str, float]:
    value, error = kernel_distance(given.real.features, given.features, seed=given.seed)
    return {"kid": value, "kid_se": error}
