"""Blocks of images that a container hands out together, the last ones kept."""

from __future__ import annotations

import collections
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# So many bytes of blocks are kept, and one at least.
KEPT = 2**28


class Blocks:
    """N images in blocks that follow each other, each loaded as a whole where one of its images is asked for.

    Args:
      sizes: how many images each block has.
      load: takes the number of a block; returns it and its size in bytes. Called by one thread at a time.
    """

    def __init__(self, sizes: Sequence[int] | np.ndarray, load: Callable[[int], tuple[Any, int]]):
        self._ends, self._load = np.cumsum(np.asarray(sizes, np.int64)), load
        self._kept: collections.OrderedDict[int, tuple[Any, int]] = collections.OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._ends[-1]) if len(self._ends) else 0

    def __getitem__(self, row: int):
        """Return what the block of an image has at its place."""
        number = int(np.searchsorted(self._ends, row, "right"))
        with self._lock:
            if number not in self._kept:
                self._kept[number] = self._load(number)
                while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(number)
            block, _ = self._kept[number]
        return block[row - (int(self._ends[number - 1]) if number else 0)]
