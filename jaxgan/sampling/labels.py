"""Which class each picture of a grid shows."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks
from jaxgan.base.types import Array


def spread_labels(num: int, num_classes: int) -> Array:
    """Spread the classes over pictures as evenly as can be, class by class.

    label[i] = floor(i K / max(N, K))

    Args:
      num: number of pictures N, at least 1.
      num_classes: K, at least 1.

    Returns:
      int32[N], ascending: every class where N >= K, each as often where K divides N; else the first N classes.

    Raises:
      ValueError: no picture or no class.
    """
    checks.in_range("num", num, 1)
    checks.in_range("num_classes", num_classes, 1)
    # On the host, where the product has 64 bits.
    return jnp.asarray(np.arange(num, dtype=np.int64) * num_classes // max(num, num_classes), jnp.int32)
