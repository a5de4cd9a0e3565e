"""Euclidean distances between many vectors, a block at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from jaxgan.data.limits import num_cores

# Numbers in a block: 32 MiB of float64.
BLOCK = 2**22

# Squared distances below this share of the largest squared length are 0, as copies are: features are float32.
ROUNDING = 1e-13

T = TypeVar("T")


def over_distances(function: Callable[[slice, np.ndarray], T], a: np.ndarray, b: np.ndarray) -> list[T]:
    """Return function(rows, block) for blocks of rows of the matrix of squared distances, in their order.

    |a|^2 + |b|^2 - 2 a.b in float64, of vectors less their mean. Vectors that are equal but for rounding come out at 0.

    Args:
      function: called in threads, as many as cores: which rows of `a` these are, and float64[rows, M], to be kept.
      a: float[N, D].
      b: float[M, D].
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    centre = b.mean(0)
    a, b = a - centre, b - centre
    of_a, of_b = np.square(a).sum(1), np.square(b).sum(1)
    least = ROUNDING * max(of_a.max(initial=0), of_b.max())
    step = max(1, BLOCK // len(b))

    def one(start: int) -> T:
        rows = slice(start, min(start + step, len(a)))
        block = a[rows] @ b.T
        block *= -2
        block += of_a[rows, None]
        block += of_b
        block[block < least] = 0
        return function(rows, block)

    with ThreadPoolExecutor(num_cores()) as pool:
        return list(pool.map(one, range(0, len(a), step)))


def nearest_distances(a: np.ndarray, b: np.ndarray | None = None) -> np.ndarray:
    """Return the distance of each row of `a` to the nearest row of `b`, or to the nearest other row of `a`: float64[N].

    Args:
      a: float[N, D].
      b: float[M, D], or None.
    """

    def nearest(rows: slice, block: np.ndarray) -> np.ndarray:
        if b is None:
            block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = np.inf
        return block.min(1)

    return np.sqrt(np.concatenate(over_distances(nearest, a, a if b is None else b)))
