"""Images inside a page: as text, and of bounded size."""

from __future__ import annotations

import base64
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.base.pixels import visible
from jaxgan.views.images import evenly, open_png, to_pil

ImageFile = Path | bytes  # a PNG file, or its content

MOST_PIXELS = 200_000_000  # of all images of `embed_all`, which a browser decodes
_SMALLEST = 64  # pixels of a side below which nothing can be seen


@dataclasses.dataclass(frozen=True)
class Embedded:
    """An image as a data URI, with its width and height in pixels."""

    uri: str
    width: int
    height: int


def embed(file: ImageFile, most_bytes: int, most_pixels: int = MOST_PIXELS) -> Embedded | None:
    """Return an image for a page, or None where there is none that can be read.

    Args:
      file: a PNG, or its content.
      most_bytes: a larger file becomes a JPEG, with halved height and width until it fits.
      most_pixels: likewise an image of more pixels.
    """
    try:
        content = file if isinstance(file, bytes) else Path(file).read_bytes()
        with open_png(io.BytesIO(content)) as image:
            width, height = image.size
            if len(content) <= most_bytes and width * height <= most_pixels:
                return Embedded(_uri(content, "image/png"), width, height)
            return Embedded(_uri(_shrink(image.convert("RGB"), most_bytes, most_pixels), "image/jpeg"), width, height)
    except (OSError, ValueError, SyntaxError):  # what Pillow raises on damaged files
        return None


def embed_pixels(pixels: np.ndarray) -> Embedded:
    """Return uint8[H, W, C] for a page, as people see it."""
    buffer = io.BytesIO()
    to_pil(visible(pixels)).save(buffer, format="PNG", optimize=True)
    height, width = pixels.shape[:2]
    return Embedded(_uri(buffer.getvalue(), "image/png"), width, height)


def embed_all(files: Sequence[tuple[int, ImageFile]], most: int, most_bytes: int) -> list[tuple[int, Embedded]]:
    """Return at most `most` of the (step, image) pairs that can be read, of at most `most_bytes` together."""
    chosen = evenly(files, most)
    done = [(step, embed(file, most_bytes // len(chosen), MOST_PIXELS // len(chosen))) for step, file in chosen]
    return [(step, embedded) for step, embedded in done if embedded]


def _shrink(image: Image.Image, most_bytes: int, most_pixels: int) -> bytes:
    while True:
        buffer = io.BytesIO()
        if image.width * image.height <= most_pixels:
            image.save(buffer, format="JPEG", quality=85)
            if buffer.tell() <= most_bytes or min(image.size) < 2 * _SMALLEST:
                return buffer.getvalue()
        image = image.resize((max(1, image.width // 2), max(1, image.height // 2)))


def _uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
