"""From any image that Pillow reads to uint8 pixels of one size."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Any, cast

import numpy as np
from PIL import Image, ImageColor, ImageOps

from jaxgan.base import checks, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo, Source
from jaxgan.data import identity
from jaxgan.data.images.memory_budget import MAX_PIXELS, PIXELS
from jaxgan.data.images.threads import Workers

# Height and width of what networks see, at most.
MAX_IMAGE_SIZE = 4096

# Floats beyond 0..1 by no more than this come of resizing, and are clipped.
OVERSHOOT = 0.05

FITS = ("squeeze", "crop", "pad")


@dataclasses.dataclass(frozen=True)
class Canvas:
    """What every image is turned into.

    Attributes:
      size: height and width in pixels.
      channels: 1 (grey, ITU-R 601 luma) or 3 (RGB).
      fit: 'squeeze' (ignore the aspect), 'crop' (centre square), 'pad' (whole image on the background).
      background: a colour that PIL.ImageColor understands, behind transparent images and padding.

    Raises:
      ValueError: if one of them is unknown.
    """

    size: int
    channels: int
    fit: str = "squeeze"
    background: str = "white"

    def __post_init__(self) -> None:
        checks.in_range("data.image_size", self.size, 1, MAX_IMAGE_SIZE)
        checks.one_of("data.channels", self.channels, (1, 3))
        checks.one_of("data.fit", self.fit, FITS)
        try:
            ImageColor.getrgb(self.background)
        except (ValueError, AttributeError) as error:
            raise UserError(
                f"data.background is {self.background!r}; expected a colour such as 'white' or '#8090a0'."
            ) from error

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.size, self.size, self.channels

    @property
    def mode(self) -> str:
        """The Pillow mode: L or RGB."""
        return "L" if self.channels == 1 else "RGB"

    def fill(self, mode: str) -> int | tuple[int, ...]:
        """Return the background as a pixel of a mode, L or RGB; its own transparency is left out."""
        return ImageColor.getcolor(self.background, mode)


def draw(image: Image.Image, canvas: Canvas) -> np.ndarray:
    """Turn an image upright, put it on the background, and resize it.

    Grey of 16 bits is scaled to 8, and so is grey of floating point, taken as 0..1. Of an animation the first frame is
    used. Resizing is bicubic, with antialiasing.

    Args:
      image: an image of any mode, perhaps not loaded yet.
      canvas: size, channels, fit and background.

    Returns:
      uint8[H, W, C].
    """
    _scale_transparent_colour(image)
    _keep_fourth_byte(image)
    image.load()
    flat = flatten(upright(image), canvas)
    if flat.mode != canvas.mode:
        flat = flat.convert(canvas.mode)
    pixels = np.asarray(fit(flat, canvas))
    return pixels.reshape(canvas.shape)


def upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; an image whose EXIF block is damaged stays as it is."""
    with contextlib.suppress(Exception):  # EXIF is free-form binary: a damaged block raises about anything
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _scale_transparent_colour(image: Image.Image) -> None:
    """Bring the transparent colour of a PNG to the 8 bits to which Pillow brings its pixels, but not that colour."""
    tiles = getattr(image, "tile", None)
    colour, raw = image.info.get("transparency"), tiles[0][3] if tiles else None
    if raw in ("L;2", "L;4") and isinstance(colour, int):
        image.info["transparency"] = colour * (85 if raw == "L;2" else 17)
    elif raw == "RGB;16B" and isinstance(colour, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in colour)


def _keep_fourth_byte(image: Any) -> None:
    """Let a BMP of 32 bits keep its fourth byte, which Pillow itself writes as alpha and does not read."""
    tiles = getattr(image, "tile", None)
    if image.format in ("BMP", "DIB") and image.mode == "RGB" and tiles and tiles[0][3][0] == "BGRX":
        image._mode, image.tile = "RGBA", [tiles[0]._replace(args=("BGRA", *tiles[0][3][1:]))]


def flatten(image: Image.Image, canvas: Canvas) -> Image.Image:
    """Return the image in mode L or RGB, transparent parts showing the background."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        pixels, colour = np.asarray(image), image.info.get("transparency")
        flat = Image.fromarray(to_8bit(pixels))
        if isinstance(colour, int):
            flat = flat.convert("RGB")
            flat.paste(canvas.fill("RGB"), mask=Image.fromarray(to_8bit(pixels == colour)))
        return flat
    if image.format in ("TGA", "BMP", "DIB") and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        image = image.convert("RGB")  # the fourth byte is unused, as in many files of 32 bits
    if image.has_transparency_data:
        # Pillow converts the premultiplied La to LA alone.
        layer = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        base = Image.new("RGB", image.size, canvas.fill("RGB"))
        base.paste(layer, mask=layer)
        return base
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def to_8bit(pixels: np.ndarray) -> np.ndarray:
    """Scale pixels to uint8: integers wider than 8 bits from 0..65535, floats from 0..1, one scale for all images.

    Raises:
      ValueError: a value lies outside.
    """
    if pixels.dtype in (np.uint8, np.bool_):
        return pixels.astype(np.uint8) * 255 if pixels.dtype == np.bool_ else pixels
    is_whole = np.issubdtype(pixels.dtype, np.integer)
    pixels = pixels if is_whole else np.nan_to_num(pixels, nan=0.0, posinf=1.0, neginf=0.0)
    top, slack = (65535, 0) if is_whole else (1, OVERSHOOT)
    low, high = (pixels.min(), pixels.max()) if pixels.size else (0, 0)
    if low < -slack or high > top + slack:
        raise UserError(
            f"pixels run from {low:g} to {high:g}; expected 0 to {top}, one scale for all images: set data.levels to "
            "the (low, high) of them all."
        )
    if is_whole:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def fit(image: Image.Image, canvas: Canvas) -> Image.Image:
    """Resize an image of mode L or RGB to the canvas."""
    width, height = image.size
    size = (canvas.size, canvas.size)
    if image.size == size:
        return image
    if canvas.fit == "squeeze":
        return image.resize(size, Image.Resampling.BICUBIC)
    if canvas.fit == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return image.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    scale = canvas.size / max(width, height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    padded = Image.new(image.mode, size, canvas.fill(image.mode))
    corner = (canvas.size - inner[0]) // 2, (canvas.size - inner[1]) // 2
    padded.paste(image.resize(inner, Image.Resampling.BICUBIC), corner)
    return padded


def squeezed(canvas: Canvas, count: int, total: int, what: str) -> None:
    """Say how many images lose their shape, if any do, and how to keep it.

    Args:
      canvas: the canvas that they are drawn on.
      count: how many are not square.
      total: how many were looked at.
      what: of what kind or place: 'images in DIR'.
    """
    if count and canvas.fit == "squeeze":
        terminal.say(
            f"{count:,} of {total:,} {what} are not square and are squeezed to {canvas.size}x{canvas.size}; "
            "set data.fit to 'crop' (centre square) or 'pad' (on data.background) to keep their shape."
        )


def from_array(pixels: np.ndarray) -> Image.Image:
    """Return a Pillow image of [H, W] or [H, W, 1 to 4] pixels: grey, grey and alpha, RGB, RGBA."""
    pixels = to_8bit(pixels)
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)


class Converted:
    """A source whose images are drawn on another canvas as they are read."""

    def __init__(self, source: Source, canvas: Canvas, workers: Workers):
        self._source, self._canvas, self._workers = source, canvas, workers
        self.info = DataInfo(canvas.shape, source.info.num_images, source.info.num_classes)
        self.fingerprint = identity.fingerprint(source)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read uint8[n, H, W, C] images and int32[n] labels."""
        native, labels = self._source.read(indices)
        images = np.empty((len(native), *self._canvas.shape), np.uint8)
        height, width, _ = self._source.info.image_shape
        pixels = min(height * width, MAX_PIXELS)

        def piece(start: int, stop: int) -> None:
            for i in range(start, stop):
                with PIXELS.take(pixels):
                    images[i] = draw(from_array(native[i]), self._canvas)

        self._workers.run(piece, len(native))
        return images, labels

    def announce(self) -> None:
        """Say so if the images lose their shape."""
        height, width, _ = self._source.info.image_shape
        num_images = self.info.num_images
        squeezed(self._canvas, num_images if height != width else 0, num_images, "images")


def on_canvas(source: Source, canvas: Canvas, workers: Workers) -> Source:
    """Return the source itself where its images have the right shape already, else a converting one."""
    return source if source.info.image_shape == canvas.shape else Converted(source, canvas, workers)


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # an optional part of Pillow, and LAB images are rare

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return cast(Image.Image, ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB"))
