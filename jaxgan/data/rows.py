"""Rows of a data set: evenly spaced ones, and all of them part by part."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def spaced(num: int, most: int) -> np.ndarray:
    """Return int64[min(num, most)] rows of 0..num-1 that are evenly spaced, the first and the last among them."""
    return np.linspace(0, num - 1, min(num, most)).round().astype(np.int64)


def parts(num: int, size: int) -> Iterator[np.ndarray]:
    """Yield all rows 0..num-1 in their order, at most `size` at a time, int64[n]."""
    for start in range(0, num, size):
        yield np.arange(start, min(start + size, num))
