"""Pictures as files: uint8, grids, PNG, JPEG, GIF, NumPy."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.base import files
from jaxgan.base.checks import UserError

ENDINGS = (".png", ".jpg", ".jpeg", ".npy", ".gif")


def invert(images: np.ndarray) -> np.ndarray:
    """Swap black and white in uint8 pictures."""
    return 255 - images


def grid(images: np.ndarray, columns: int | None = None, *, padding: int = 0) -> np.ndarray:
    """Lay pictures out row by row.

    Args:
      images: uint8[N, H, W, C].
      columns: pictures in a row; None for a grid as near to a square as can be.
      padding: black pixels between pictures.

    Returns:
      uint8[rows * (H + padding) - padding, columns * (W + padding) - padding, C]; missing places are black.
    """
    num, height, width, channels = images.shape
    in_row = min(num, columns or math.ceil(math.sqrt(num)))
    rows = math.ceil(num / in_row)
    canvas = np.zeros((rows, height + padding, in_row, width + padding, channels), np.uint8)
    for i, image in enumerate(np.asarray(images)):
        canvas[i // in_row, :height, i % in_row, :width] = image
    canvas = canvas.reshape(rows * (height + padding), in_row * (width + padding), channels)
    return canvas[: canvas.shape[0] - padding, : canvas.shape[1] - padding]


def to_pil(image: np.ndarray) -> Image.Image:
    """Turn uint8[H, W, 1 or 3] into a Pillow picture."""
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def check_ending(path: str | os.PathLike) -> None:
    """Raise ValueError unless pictures can be written to a file of this name."""
    if Path(path).suffix.lower() not in ENDINGS:
        raise UserError(f"{path} has no ending that pictures are written to; use one of {', '.join(ENDINGS)}.")


def save(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write one picture uint8[H, W, C] as .png or .jpg; folders are made, and a file appears whole or not at all."""
    kind = "JPEG" if Path(path).suffix.lower() in (".jpg", ".jpeg") else "PNG"
    files.write(path, lambda half: to_pil(image).save(half, format=kind))


def save_many(path: str | os.PathLike, images: np.ndarray, columns: int | None = None) -> None:
    """Write uint8[N, H, W, C] as its ending says: a grid as .png or .jpg, the array itself as .npy, frames as .gif."""
    ending = Path(path).suffix.lower()
    if ending == ".npy":
        files.write(path, lambda half: save_array(half, images))
    elif ending == ".gif":
        save_gif(path, images)
    else:
        save(path, grid(images, columns))


def save_array(path: Path, array: np.ndarray) -> None:
    """Write an array in NumPy's format to a file of any name."""
    with path.open("wb") as file:
        np.save(file, array)


def save_gif_of_files(path: str | os.PathLike, files: Iterable[Path]) -> None:
    """Join picture files of one size into an animation."""
    frames = []
    for file in files:
        with Image.open(file) as image:
            frames.append(np.asarray(image.convert("RGB")))
    save_gif(path, frames)


def save_gif(path: str | os.PathLike, frames: Iterable[np.ndarray], *, seconds: float = 6.0) -> None:
    """Write uint8[H, W, C] frames as an endless animation that lasts about `seconds`."""
    first, *rest = map(to_pil, frames)
    duration = int(max(40, 1000 * seconds / (1 + len(rest))))
    how = {"format": "GIF", "save_all": True, "append_images": rest, "duration": duration, "loop": 0}
    files.write(path, lambda half: first.save(half, **how))
