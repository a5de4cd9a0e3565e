"""Images inside a page: as text, and of bounded size."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.views.images import open_png, to_pil

Picture = Path | bytes  # an image file, or its content

_SMALLEST = 64  # pixels of a side below which nothing can be seen


@dataclasses.dataclass(frozen=True)
class Embedded:
    """An image as a data URI, with its width and height in pixels."""

    uri: str
    width: int
    height: int


def evenly(num: int, most: int) -> list[int]:
    """Return at most `most` (two or more) of the indices 0..num-1, spread evenly, the first and the last among them."""
    if num <= most:
        return list(range(num))
    return [round(i * (num - 1) / (most - 1)) for i in range(most)]


def embed(picture: Picture, most_bytes: int) -> Embedded | None:
    """Return an image for a page, or None where there is none that can be read.

    Args:
      image: a PNG, or its content.
      most_bytes: a larger file becomes a JPEG, with halved sides until it fits.
    """
    try:
        content = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
        with open_png(io.BytesIO(content)) as image:
            width, height = image.size
            if len(content) <= most_bytes:
                return Embedded(_uri(content, "image/png"), width, height)
            return Embedded(_uri(_shrink(image.convert("RGB"), most_bytes), "image/jpeg"), width, height)
    except (OSError, ValueError, SyntaxError):  # what Pillow raises on damaged files
        return None


def embed_pixels(pixels: np.ndarray) -> Embedded:
    """Return uint8[H, W, 1 or 3] for a page."""
    buffer = io.BytesIO()
    to_pil(pixels).save(buffer, format="PNG", optimize=True)
    height, width = pixels.shape[:2]
    return Embedded(_uri(buffer.getvalue(), "image/png"), width, height)


def embed_all(pictures: Sequence[tuple[int, Picture]], most: int, most_bytes: int) -> list[tuple[int, Embedded]]:
    """Return at most `most` of the (step, image) pairs that can be read, of at most `most_bytes` together."""
    chosen = [pictures[i] for i in evenly(len(pictures), most)]
    done = [(step, embed(picture, most_bytes // len(chosen))) for step, picture in chosen]
    return [(step, picture) for step, picture in done if picture]


def _shrink(image: Image.Image, most_bytes: int) -> bytes:
    while True:
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=85)
        if buffer.tell() <= most_bytes or min(image.size) < 2 * _SMALLEST:
            return buffer.getvalue()
        image = image.resize((image.width // 2, image.height // 2))


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
