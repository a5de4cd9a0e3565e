"""Threads that share out the work of one read."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable

from jaxgan.data.limits import num_cores

MAX_WORKERS = 1024

# Images a thread takes at a time: few enough to share a batch out evenly, enough to hide the hand-over.
PIECE = 64


class Workers:
    """A pool of threads, started on first use. Pillow releases the interpreter lock while it decodes and resizes.

    Args:
      num_workers: number of threads; 0 means one per processor core.
    """

    def __init__(self, num_workers: int = 0):
        self.num_workers = num_workers or num_cores()
        self._pool = concurrent.futures.ThreadPoolExecutor(self.num_workers, "jaxgan-data")

    def run(self, function: Callable[[int], None], count: int) -> None:
        """Call function(i) for each i of range(count), in parallel, a piece in one thread.

        Raises:
          Exception: the first one that a piece raised, once all pieces are through.
        """
        size = max(1, min(PIECE, -(-count // self.num_workers)))

        def piece(start: int) -> None:
            for i in range(start, min(start + size, count)):
                function(i)

        starts = range(0, count, size)
        if self.num_workers == 1 or len(starts) == 1:
            for start in starts:
                piece(start)
            return
        futures = [self._pool.submit(piece, start) for start in starts]
        concurrent.futures.wait(futures)
        for future in futures:
            future.result()
