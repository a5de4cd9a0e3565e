"""From an image's bytes, which a stranger may have made, to pixels on the canvas; or to a reason why not.

What an image may take is bounded before its pixels are decoded: MAX_BYTES of the file, MAX_PIXELS and MAX_SIDE of its
header, and the same again over all that are being decoded at one time, whatever the number of threads.
"""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Callable
from typing import BinaryIO, NamedTuple, TypeVar

import numpy as np
from PIL import Image, UnidentifiedImageError

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.data.images import bands, unsound
from jaxgan.data.images.canvas import Canvas, draw, draw_array
from jaxgan.data.images.memory_budget import FILES, MAX_BYTES, MAX_PIXELS, MAX_SIDE, PIXELS, SMALL
from jaxgan.data.images.tree import TOO_LARGE, UNREADABLE

# A JPEG may be decoded at a fraction of its size, but never below this multiple of the size asked for.
DRAFT_MARGIN = 2

# Pillow's names of the formats in tree.EXTENSIONS. Others are refused whatever the file is called: some start other
# programs (EPS), and strangers choose what a file holds.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "TGA", "JPEG2000", "AVIF", "QOI")

# Seconds before a file is tried again whose disk or network failed.
PAUSES = (0.1, 1.0, 5.0)

# What a file is by itself, not by a failure: gone, forbidden, a link to itself, no regular file.
_OF_THE_FILE = (errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.ENOTDIR)

T = TypeVar("T")


class Header(NamedTuple):
    """What is known of an image file before its pixels are decoded."""

    num_bytes: int
    width: int
    height: int
    is_animated: bool = False


class Look(NamedTuple):
    """What a header says of an image; the mode is Pillow's, or like one."""

    height: int
    width: int
    mode: str
    is_animated: bool = False


def open_image(stream: BinaryIO) -> Image.Image:
    """Read the header of an image in one of FORMATS.

    Raises:
      Exception: about any, where there is none.
    """
    return Image.open(stream, formats=FORMATS)


def inspect(stream: BinaryIO, channels: int) -> Look | str:
    """Return what an image's header says, or why it is not to be decoded.

    Args:
      stream: the file.
      channels: how many are asked for; a TIFF may have as many bands.

    Raises:
      Exception: about any, where it is damaged.
    """
    why = unsound.TIFF
    try:
        with open_image(stream) as image:
            why = unsound.reason(image, stream, channels) or ""
            if not why:
                return Look(image.height, image.width, image.mode, getattr(image, "is_animated", False))
    except UnidentifiedImageError:
        if not bands.is_tiff(stream):
            raise
    found = bands.inspect(stream, channels, why)
    return found if isinstance(found, str) else Look(*found)


def look(file: str, channels: int = 0) -> Header | str:
    """Return the header of an image file, or why it is of no use; no pixel is decoded.

    Args:
      file: its path.
      channels: see `inspect`.

    Raises:
      ValueError: the disk or the network failed, again and again.
    """
    try:
        return insist(lambda path: _look(path, channels), file)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return TOO_LARGE
    except UserError:
        raise
    except Exception:  # decoders raise about anything on damaged files
        return UNREADABLE


def _look(file: str, channels: int) -> Header | str:
    try:
        stream, num_bytes = open_regular(file)
    except OSError as error:
        if error.errno in _OF_THE_FILE:
            return UNREADABLE
        raise
    with stream:
        if num_bytes > MAX_BYTES:
            return TOO_LARGE
        with FILES.take(num_bytes):
            found = inspect(stream, channels)
    if isinstance(found, str):
        return found
    height, width, _, is_animated = found
    return TOO_LARGE if is_too_large(width, height) else Header(num_bytes, width, height, is_animated)


def insist(read: Callable[[str], T], file: str) -> T:
    """Return read(file), tried again after each failure of the disk or the network.

    Such failures say nothing about the image. Decoders raise OSError too, but without a number.
    """
    for number, pause in enumerate((*PAUSES, None), start=1):
        try:
            return read(file)
        except OSError as error:
            if error.errno is None:
                raise
            if pause is None or error.errno in _OF_THE_FILE:
                raise UserError(
                    f"{terminal.printable(file)} cannot be read ({error.strerror}; tried {number} times); check that "
                    "it is there, its permissions, and the disk or network, then run the same command again."
                ) from error
            time.sleep(pause)
    raise AssertionError


def is_too_large(width: int, height: int) -> bool:
    """Return whether an image of that size is not to be decoded."""
    return width * height > MAX_PIXELS or max(width, height) > MAX_SIDE


def decode(file: str, canvas: Canvas) -> np.ndarray | None:
    """Decode an image file for a canvas, or return None where its content is damaged or too large.

    Returns:
      uint8[H, W, C], or uint16 where the canvas has levels.

    Raises:
      ValueError: the file could not be read: it is gone, or the disk or the network failed, again and again. Or the
        image has other channels or levels than the canvas takes.
    """
    num_bytes = insist(os.path.getsize, file)
    if num_bytes > MAX_BYTES:
        return None
    with FILES.take(num_bytes):
        content = content_of(file)
        try:
            return decode_stream(io.BytesIO(content), canvas)
        except UserError as error:  # it is sound, but not what the settings say
            raise UserError(f"{terminal.printable(file)}: {error}") from None
        except Exception:  # decoders raise about anything on damaged files
            return None


def content_of(file: str, most: int = MAX_BYTES) -> bytes:
    """Return the first bytes of a file, up to `most`; errors are those of `decode`."""

    def read(file: str) -> bytes:
        stream, num_bytes = open_regular(file)
        with stream:
            return stream.read(min(num_bytes, most))

    return insist(read, file)


def decode_stream(stream: BinaryIO, canvas: Canvas) -> np.ndarray:
    """Decode an image to uint8[H, W, C].

    Raises:
      Exception: about any, where it is damaged.
    """
    try:
        image = open_image(stream)
    except UnidentifiedImageError:
        if not bands.is_tiff(stream):
            raise
        return _draw_bands(stream, canvas)
    with image:
        full = image.width * image.height
        if is_too_large(image.width, image.height):
            raise ValueError(f"{image.width} x {image.height} pixels are too many or too long")
        if why := unsound.reason(image, stream, canvas.channels):
            if image.format == "TIFF":
                return _draw_bands(stream, canvas)
            raise ValueError(f"it is {why}")
        draft(image, canvas)
        pixels = image.width * image.height
        if full <= SMALL:
            return draw(image, canvas)
        if image.info.get("progressive"):  # such a JPEG keeps the coefficients of all its pixels, 6 bytes each
            pixels = max(pixels, full // 3)
    del image  # some decoders hold their buffers as long as it lives, so it is opened anew once there is room
    stream.seek(0)
    with PIXELS.take(pixels):
        return _draw(stream, canvas)


def _draw(stream: BinaryIO, canvas: Canvas) -> np.ndarray:
    with open_image(stream) as image:
        draft(image, canvas)
        return draw(image, canvas)


def _draw_bands(stream: BinaryIO, canvas: Canvas) -> np.ndarray:
    pixels = bands.read(stream, canvas.channels)
    with PIXELS.take(pixels.size):
        return draw_array(pixels, canvas)


def draft(image: Image.Image, canvas: Canvas) -> None:
    """Let a JPEG be decoded at a fraction of its size, without the finest frequencies; other formats ignore this."""
    if canvas.fit != "as_is":
        height, width = canvas.sides
        image.draft(None, (DRAFT_MARGIN * width, DRAFT_MARGIN * height))
