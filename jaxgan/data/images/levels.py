"""Values of pixels that are no bytes, and the window of them that networks see."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.base.types import Source
from jaxgan.data.rows import parts

AUTO = "auto"
CHUNK = 256  # images read at a time while levels are measured


class Meter:
    """Finds the least and the greatest value of pixels; may be used by several threads."""

    def __init__(self) -> None:
        self.low, self.high, self._lock = math.inf, -math.inf, threading.Lock()

    def add(self, pixels: np.ndarray) -> None:
        """Look at the pixels of an image; values that are not finite do not count."""
        finite = pixels[np.isfinite(pixels)]
        if finite.size:
            with self._lock:
                self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))

    def levels(self) -> tuple[float, float]:
        """Return the levels; of one value alone, that and the next whole number."""
        if self.low > self.high:
            raise UserError("data.levels is 'auto', but the images have no finite pixel; set it to (low, high).")
        return self.low, self.high if self.high > self.low else self.low + 1


def measured(source: Source, meter: Meter) -> tuple[float, float]:
    """Return the levels of all images of a source that draws them on a canvas with this meter."""
    for rows in parts(source.info.num_images, CHUNK):
        source.read(rows)
    return meter.levels()


def checked_levels(levels: str | Sequence[float]) -> tuple[float, float] | Meter | None:
    """Return a data.levels as a canvas takes it: None for none, a meter for 'auto'.

    Raises:
      ValueError: it is something else than (), 'auto' or (low, high) with low < high.
    """
    if isinstance(levels, str):
        if levels != AUTO:
            raise UserError(f"data.levels is {levels!r}; expected (low, high), 'auto', or () for pixels of 8 bits.")
        return Meter()
    window = tuple(levels)
    if not window:
        return None
    numbers = all(isinstance(value, int | float) and math.isfinite(value) for value in window)
    if len(window) != 2 or not numbers or not window[0] < window[1]:
        raise UserError(f"data.levels is {window}; expected (low, high) with low < high, 'auto', or ().")
    return float(window[0]), float(window[1])


def to_8bit(pixels: np.ndarray) -> np.ndarray:
    """Scale pixels to uint8: bools from 0..1, integers of more than 8 bits from 0..65535.

    Raises:
      ValueError: floats, which have no scale of their own, or integers beyond 0..65535.
    """
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * 255
    if pixels.dtype == np.uint8:
        return pixels
    is_whole = np.issubdtype(pixels.dtype, np.integer)
    if not is_whole or (pixels.size and not 0 <= pixels.min() <= pixels.max() <= 65535):
        kind = f"{pixels.dtype} beyond 0..65535" if is_whole else f"{pixels.dtype}"
        raise UserError(
            f"an image has pixels of {kind}, which have no scale of their own; set config.data.levels to 'auto' (one "
            "scale for all images, from their least to their greatest value) or to (low, high)."
        )
    return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)


def in_window(pixels: np.ndarray, levels: tuple[float, float]) -> np.ndarray:
    """Return pixels as shares of the window, float32: low becomes 0, high 1; NaN 0, and infinities the nearer end."""
    low, high = levels
    share = (pixels.astype(np.float64) - low) / (high - low)
    return np.nan_to_num(share, nan=0, posinf=1, neginf=0).astype(np.float32)
