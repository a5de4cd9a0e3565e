"""Memory that the threads which decode images share, so that it is bounded whatever their number."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

# An image of 8192 x 8192; less than the size at which Pillow warns of decompression bombs. Measured: decoding takes up
# to 20 bytes a pixel (floats; RGBA 12, WebP 16), so that all threads together take up to 1.3 GiB.
MAX_PIXELS = 2**26

# Of a longer side; a JPEG's header has no room for more. Hostile headers claim strips that take long to scale.
MAX_SIDE = 2**16 - 1

# Some decoders read the whole file into memory.
MAX_BYTES = 2**29

# So many pixels, or bytes of a file, are decoded without asking for room.
SMALL = 2**16


class Room:
    """An amount of something that threads share; little is given freely.

    Args:
      amount: how much there is.
    """

    def __init__(self, amount: int):
        self._most = self._free = amount
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def take(self, amount: int) -> Iterator[None]:
        """Wait until so much is free, and hold it in this block.

        Raises:
          MemoryError: so much will never be free.
        """
        if amount <= SMALL:
            yield
            return
        if amount > self._most:
            raise MemoryError(f"{amount} are asked for, but there are {self._most}")
        with self._changed:
            self._changed.wait_for(lambda: self._free >= amount)
            self._free -= amount
        try:
            yield
        finally:
            with self._changed:
                self._free += amount
                self._changed.notify_all()


# Always taken in this order, so that no two threads wait for each other.
FILES, PIXELS = Room(MAX_BYTES), Room(MAX_PIXELS)
