"""Modes of Pillow's images: upright, in grey, RGB or RGB with transparency."""

from __future__ import annotations

import contextlib
from typing import Any, cast

import numpy as np
from PIL import Image, ImageOps

from jaxgan.data.images.levels import to_8bit


def is_deep(image: Image.Image) -> bool:
    """Return whether an image is grey of more than 8 bits."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def upright(image: Image.Image) -> Image.Image:
    """Apply the EXIF orientation; an image whose EXIF block is damaged stays as it is."""
    with contextlib.suppress(Exception):  # EXIF is free-form binary: a damaged block raises about anything
        ImageOps.exif_transpose(image, in_place=True)
    return image


def scale_transparent_colour(image: Image.Image) -> None:
    """Bring the transparent colour of a PNG to the 8 bits to which Pillow brings its pixels, but not that colour."""
    tiles = getattr(image, "tile", None)
    colour, raw = image.info.get("transparency"), tiles[0][3] if tiles else None
    if raw in ("L;2", "L;4") and isinstance(colour, int):
        image.info["transparency"] = colour * (85 if raw == "L;2" else 17)
    elif raw == "RGB;16B" and isinstance(colour, tuple):
        image.info["transparency"] = tuple(value >> 8 for value in colour)


def keep_fourth_byte(image: Any) -> None:
    """Let a BMP of 32 bits keep its fourth byte, which Pillow itself writes as alpha and does not read."""
    tiles = getattr(image, "tile", None)
    if image.format in ("BMP", "DIB") and image.mode == "RGB" and tiles and tiles[0][3][0] == "BGRX":
        image._mode, image.tile = "RGBA", [tiles[0]._replace(args=("BGRA", *tiles[0][3][1:]))]


def layer(image: Image.Image) -> Image.Image:
    """Return the image in mode L or RGB, or RGBA where parts of it are transparent."""
    if is_deep(image):
        pixels, colour = np.asarray(image), image.info.get("transparency")
        flat = Image.fromarray(to_8bit(pixels))
        if isinstance(colour, int):
            flat = flat.convert("RGB")
            flat.putalpha(Image.fromarray(to_8bit(pixels != colour)))
        return flat
    if image.format in ("TGA", "BMP", "DIB") and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        image = image.convert("RGB")  # the fourth byte is unused, as in many files of 32 bits
    if image.has_transparency_data:
        # Pillow converts the premultiplied La to LA alone.
        return (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    if image.mode == "LAB":
        return _lab_to_rgb(image)
    if image.mode in ("1", "L"):
        return image.convert("L")
    return image.convert("RGB")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # an optional part of Pillow, and LAB images are rare

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return cast(Image.Image, ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB"))
