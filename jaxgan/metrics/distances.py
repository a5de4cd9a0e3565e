"""Euclidean distances between many vectors, a block at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

# Numbers in a block: 32 MiB of float64.
BLOCK = 2**22


def squared_distances(a: np.ndarray, b: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield rows of the matrix of squared distances, block by block.

    |a|^2 + |b|^2 - 2 a.b in float64, cut off at 0: vectors that are equal come out at rounding, not always at 0.

    Args:
      a: float[N, D].
      b: float[M, D].

    Yields:
      Which rows of `a` these are, and float64[rows, M].
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    of_b = np.square(b).sum(1)
    step = max(1, BLOCK // len(b))
    for start in range(0, len(a), step):
        rows = slice(start, min(start + step, len(a)))
        block = a[rows] @ b.T
        block *= -2
        block += np.square(a[rows]).sum(1)[:, None]
        block += of_b
        yield rows, np.maximum(block, 0, out=block)
