"""Images that open without an error and would still come out wrong, so that they are refused.

Seen with Pillow 13.0.0, compared with tifffile, imagecodecs and OpenJPEG; `findings/pillow_*.sh` shows some of them.
"""

from __future__ import annotations

from typing import Any, BinaryIO

from PIL import Image

PAGES = "of several pages, one image a file is expected"
BANDS = "of bands that are no colours, so save RGB, or an array in .npz"
WRONG = "of a kind that is decoded wrongly, so save 8 bits, or little-endian and uncompressed"

TIFF = "TIFF files that are damaged or of another kind than grey or RGB of 8 or 16 bits"

# Tags of TIFF.
_KIND, _BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANAR, _EXTRA, _FORMAT = 254, 258, 259, 262, 277, 284, 338, 339
_MIN_IS_WHITE, _RGB, _SIGNED, _REDUCED, _SEPARATE = 0, 2, 2, 1, 2

# Pages are looked at to this number: more than one that is no thumbnail is too many.
_PAGES = 8


def reason(image: Image.Image, stream: BinaryIO, channels: int = 0) -> str | None:
    """Return why an image whose header was read is not to be decoded, or None.

    Args:
      image: as `Image.open` gives it, not loaded.
      stream: what it was opened from.
      channels: how many are asked for: of RGB and a band without a meaning, that is a band where they are 4.

    Raises:
      Exception: about any, where the image is damaged.
    """
    if image.format == "TIFF":
        return _of_tiff(image, channels)
    if image.format == "JPEG2000" and image.mode.startswith("RGB"):
        return _of_jpeg2000(stream)
    return None


def _of_tiff(image: Any, channels: int) -> str | None:
    tags = image.tag_v2
    if _has_pages(image):
        return PAGES
    bits, samples = max(tags.get(_BITS, (1,))), tags.get(_SAMPLES, 1)
    kind, packed = max(tags.get(_FORMAT, (1,))), tags.get(_COMPRESSION, 1) != 1
    is_padded = samples == 4 and channels != 4 and tags.get(_PHOTOMETRIC) == _RGB
    if samples > 1 and 0 in tags.get(_EXTRA, ()) and not is_padded:
        return BANDS
    is_big = tags.prefix == b"MM"
    wrong = (
        (tags.get(_PLANAR) == _SEPARATE and samples > 1 and bits == 16 and not packed)
        or (is_big and packed and bits > 8 and (kind > 1 or bits > 16))
        or (tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE and bits > 8)
        or (kind == _SIGNED and bits == 8)
        or (kind == 1 and bits == 32)
    )
    return WRONG if wrong else None


def _has_pages(image: Any) -> bool:
    """Return whether a TIFF has more pages than one and thumbnails of it."""
    full = 0
    try:
        for page in range(_PAGES):
            image.seek(page)
            full += not image.tag_v2.get(_KIND, 0) & _REDUCED
    except EOFError:
        pass
    image.seek(0)
    return full > 1


def _of_jpeg2000(stream: BinaryIO) -> str | None:
    """Judge by the depth of the first component, of which Pillow takes the low 8 bits."""
    place = stream.tell()
    stream.seek(0)
    head = stream.read(2**16)
    stream.seek(place)
    start = head.find(b"\xff\x4f\xff\x51")
    depth = (head[start + 42] & 0x7F) + 1 if 0 <= start < len(head) - 42 else 8
    return WRONG if depth > 8 else None
