"""Which class each image of a grid shows, or of a set that stands for the data."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks
from jaxgan.base.types import Array


def spread_labels(num: int, num_classes: int) -> Array:
    """Spread the classes over images as evenly as can be, class by class.

    label[i] = floor(i K / max(N, K))

    Args:
      num: number of images N, at least 1.
      num_classes: K, at least 1.

    Returns:
      int32[N], ascending: every class where N >= K, each as often where K divides N; else the first N classes.

    Raises:
      ValueError: no image or no class.
    """
    checks.in_range("num", num, 1)
    checks.in_range("num_classes", num_classes, 1)
    # On the host, where the product has 64 bits.
    return jnp.asarray(np.arange(num, dtype=np.int64) * num_classes // max(num, num_classes), jnp.int32)


def labels_in_shares(num: int, counts: Sequence[int], seed: int) -> np.ndarray:
    """Return classes in the shares that they have in the data, mixed.

    Args:
      num: number of images N, at least 1.
      counts: of each class 0..K-1 in the data, not all 0.
      seed: of the order.

    Returns:
      int32[N]: of each class N times its share, rounded up or down.
    """
    ends = np.cumsum(np.asarray(counts, np.int64))
    ordered = np.searchsorted(ends, np.arange(num, dtype=np.int64) * ends[-1] // num, side="right")
    return np.random.default_rng(seed).permutation(ordered).astype(np.int32)
