"""When training no longer gets better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stalled(values: Sequence[float], goal: str, patience: int) -> bool:
    """Return whether the last `patience` values brought no new best.

    Args:
      values: a metric at each logged step, oldest first.
      goal: 'min' or 'max'.
      patience: at least 1.
    """
    if len(values) <= patience:
        return False
    signed = np.asarray(values) * (1 if goal == "min" else -1)
    return int(np.argmin(signed)) < len(values) - patience
