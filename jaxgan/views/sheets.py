"""Images shown in a notebook or a terminal."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import to_uint8, visible
from jaxgan.base.types import Array
from jaxgan.views.images import JPEG, SMALL_SIDE, enlarge, grid, save_for_eye, scale_for_eye, to_pil

_HALF = "▀"  # the upper half of a cell: its colour and the background's are two pixels
MOST_COLUMNS = 160  # of a terminal that is filled


def show(images: Array | np.ndarray, columns: int | None = None, *, scale: int | None = None) -> Sheet:
    """Lay images out as a grid that a notebook shows; `print` draws it in a terminal, `save` writes a file.

    Args:
      images: float[N, H, W, C] in [-1, 1], as `jaxgan.sample` makes them, or uint8; or one, [H, W, C]. Of 2 or
        4 channels the last is transparency, shown over white; of more than 4 the first three are shown.
      columns: images in a row; None for a grid as near to a square as can be.
      scale: pixels a side for each pixel; None enlarges small grids for the eye.

    Raises:
      UserError: another shape or type.
    """
    array = np.asarray(images)
    array = array[None] if array.ndim == 3 else array
    is_shape = array.ndim == 4 and not array.shape[1] <= 4 < array.shape[-1]
    if not is_shape or not array.size or array.dtype.kind not in "fu":
        raise UserError(f"images are {array.dtype}{list(array.shape)}; expected float in [-1, 1] or uint8[N, H, W, C].")
    if array.dtype != np.uint8:
        array = np.asarray(to_uint8(jnp.asarray(array)))
    for name, given in (("columns", columns), ("scale", scale)):
        if given is not None:
            checks.in_range(name, given, 1)
    return Sheet(grid(visible(array), columns), len(array), scale)


class Sheet:
    """A grid of images.

    Attributes:
      pixels: uint8[H, W, C].
      num: images in it.
    """

    def __init__(self, pixels: np.ndarray, num: int, scale: int | None = None):
        """Show pixels uint8[H, W, C] in which there are so many images."""
        self.pixels: np.ndarray = pixels
        self.num: int = num
        self._scale: int = scale or scale_for_eye(pixels, SMALL_SIDE)

    def save(self, path: str | Path) -> None:
        """Write the grid, enlarged, to a .png or .jpg file; UserError for another ending."""
        checks.one_of("the ending of the file", Path(path).suffix.lower(), (".png", *JPEG))
        save_for_eye(Path(path), self.pixels, scale=self._scale)

    def _repr_png_(self) -> bytes:
        content = io.BytesIO()
        to_pil(enlarge(self.pixels, self._scale)).save(content, "png")
        return content.getvalue()

    def __repr__(self) -> str:
        height, width, channels = self.pixels.shape
        return f"{self.num} images, {height}x{width}x{channels}; print() draws them here, save() writes a file"

    def __str__(self) -> str:
        return blocks(self.pixels, min(shutil.get_terminal_size().columns, MOST_COLUMNS))


def blocks(pixels: np.ndarray, columns: int) -> str:
    """Return uint8[H, W, 1 or 3] as lines of coloured half blocks for a terminal, at most so many cells wide."""
    every = max(1, -(-pixels.shape[1] // max(1, columns)))
    height, width = (n // every * every for n in pixels.shape[:2])
    cells: Any = pixels[:height, :width].reshape(height // every, every, width // every, every, -1)
    cells = np.broadcast_to(cells.mean((1, 3)).astype(int), (height // every, width // every, 3))
    if len(cells) % 2:
        cells = np.concatenate([cells, np.zeros_like(cells[:1])])
    lines = []
    for upper, lower in zip(cells[::2], cells[1::2], strict=True):
        line = "".join(
            f"\x1b[38;2;{a[0]};{a[1]};{a[2]}m\x1b[48;2;{b[0]};{b[1]};{b[2]}m{_HALF}"
            for a, b in zip(upper, lower, strict=True)
        )
        lines.append(f"{line}\x1b[0m")
    return "\n".join(lines)
