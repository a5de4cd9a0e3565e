"""Kernel distance between two sets of features, without bias at any number of images."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import numpy as np

from jaxgan.base import checks
from jaxgan.base.types import Array
from jaxgan.metrics.registry import Given, measure

BLOCK = 256  # rows of the kernel's matrix at a time


def kernel_distance(
    real: np.ndarray, fake: np.ndarray, *, num_subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the kernel inception distance and its standard error.

    The mean over random subsets of m images of the unbiased squared MMD with k(a, b) = (a.b / D + 1)^3:

        (sum_{i != j} k(x_i, x_j) + k(y_i, y_j)) / (m (m - 1)) - 2 mean_ij k(x_i, y_j)

    On equal distributions it is 0 on average, so slightly negative values are right. Subsets overlap: their mean is as
    certain as that of N / m independent ones at most, and they differ by sqrt(1 - m / N) of what independent ones do.
    The error is their standard deviation times sqrt(m / (N - m)), N the smaller set. Where m is above N / 2, it comes
    from other subsets of N / 2: subsets of all images would not differ. On equal distributions it is too large rather
    than too small.

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
    part = min(size, max(2, smaller // 2))
    sizes = [size] * num_subsets + [part] * (num_subsets if part != size else 0)
    rng = np.random.default_rng(seed)
    of_real, of_fake = (_subsets(rng, len(features), sizes) for features in (real, fake))
    values = _unbiased(real, fake, of_real, of_fake, np.asarray(sizes, np.float64))
    spread = np.std(values[-num_subsets:], ddof=1)
    certainty = max(part / max(smaller - part, 1), 1 / num_subsets)
    return float(np.mean(values[:num_subsets])), float(spread * certainty**0.5)


def _subsets(rng: np.random.Generator, num: int, sizes: Sequence[int]) -> np.ndarray:
    """Return bool[subsets, num]: which of the images are in each random subset."""
    chosen = np.zeros((len(sizes), num), bool)
    for row, size in zip(chosen, sizes, strict=True):
        row[rng.choice(num, size, replace=False)] = True
    return chosen


def _unbiased(x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the unbiased squared MMD of each subset, float64[subsets]."""
    pairs = sizes * (sizes - 1)
    within = [_kernel_sums(a, a, of_a, of_a) - _diagonal_sums(a, of_a) for a, of_a in ((x, of_x), (y, of_y))]
    return sum(within) / pairs - 2 * _kernel_sums(x, y, of_x, of_y) / sizes**2


def _kernel_sums(x: np.ndarray, y: np.ndarray, of_x: np.ndarray, of_y: np.ndarray) -> np.ndarray:
    """Sum the kernel over all pairs of each subset, float64[subsets]; subsets overlap, and no pair is computed twice.

    Not NumPy's products: many small ones keep the threads of its BLAS waiting for each other, on busy cores 20 times as
    long as XLA takes.
    """
    total = np.zeros(len(of_x))
    with jax.enable_x64(True):
        columns = _on_device(y, of_y)
        for start in range(0, len(x), BLOCK):
            rows = slice(start, start + BLOCK)
            total += jax.device_get(_block(*_on_device(x[rows], of_x[:, rows]), *columns))
    return total


def _on_device(features: np.ndarray, subsets: np.ndarray) -> tuple[Array, Array]:
    return jax.device_put((features.astype(np.float64), subsets.astype(np.float64)))


@jax.jit
def _block(x: Array, of_x: Array, y: Array, of_y: Array) -> Array:
    return ((of_x @ (x @ y.T / x.shape[1] + 1) ** 3) * of_y).sum(1)


def _diagonal_sums(x: np.ndarray, of_x: np.ndarray) -> np.ndarray:
    return of_x @ (np.square(x, dtype=np.float64).mean(1) + 1) ** 3


@measure("kid", "features", neutral=("kid_se", "kid_imagenet_se"))
def _measure(given: Given) -> dict[str, float]:
    value, error = kernel_distance(given.real.features, given.features, seed=given.seed)
    name = given.real.net.kernel_name
    return {name: value, f"{name}_se": error}
