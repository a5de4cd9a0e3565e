"""TIFF files of several bands, which Pillow takes for pages or refuses, as tifffile reads them.

The file names the place of the bands: by its samples, by the axes that ImageJ and OME name, or by the shape that
tifffile, imageio and scikit-image write into the description of the first page. A shape alone names no axes, so its
first or last one is taken where it alone has the number that data.channels asks for.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
from typing import Any, BinaryIO

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.data.images.memory_budget import MAX_PIXELS, PIXELS
from jaxgan.data.validation import MAX_CHANNELS

_REDUCED, _MASK = 1, 4  # of NewSubfileType
_NO_AXES = "QYX"  # of a shape in three dimensions alone
MOST_PAGES = 1000  # of a file of one image: bands, smaller copies, masks


def is_tiff(stream: BinaryIO) -> bool:
    """Return whether a file is a TIFF or BigTIFF, by its first bytes."""
    stream.seek(0)
    return stream.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def inspect(stream: BinaryIO, channels: int, why: str) -> tuple[int, int, str] | str:
    """Return height, width and mode of an image of as many bands as channels, or why it cannot be read.

    Args:
      stream: the file.
      channels: how many are asked for.
      why: the error message where it is no TIFF of bands.
    """
    if not is_tiff(stream):
        return why
    if importlib.util.find_spec("tifffile") is None:
        return f"{why}; bands of TIFF files are read after pip install 'jaxgan[formats]'"
    try:
        with _opened(stream) as file:
            series, axis = _bands(file, channels)
            sides = [side for at, side in enumerate(series.shape) if at != axis]
            return sides[0], sides[1], f"{channels} bands"
    except UserError as error:
        return str(error)
    except Exception:  # tifffile raises about anything on damaged files
        return why


def read(stream: BinaryIO, channels: int) -> np.ndarray:
    """Return the pixels [H, W, channels] of an image of as many bands.

    Raises:
      UserError: it has another number, or lies in a way that is not read.
      Exception: about any, where it is damaged.
    """
    with _opened(stream) as file:
        series, axis = _bands(file, channels)
        with PIXELS.take(series.size):
            return np.moveaxis(series.asarray(maxworkers=1), axis, 2)


def _opened(stream: BinaryIO) -> Any:
    tifffile = checks.needed("tifffile", "formats")
    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # it logs what is damaged, and raises, too
    stream.seek(0)
    return tifffile.TiffFile(stream, name="image")  # it would split the name of a stream, which may be a number


def _bands(file: Any, channels: int) -> tuple[Any, int]:
    """Return the only image of a file and its axis of bands.

    Raises:
      UserError: it has bands, but not as many as channels; or they are not read.
      ValueError: it has no bands.
    """
    # Of damaged files tifffile may follow the chain of pages without an end, unless it is asked for a far one first.
    with contextlib.suppress(IndexError):
        file.pages[MOST_PAGES]
        raise ValueError("it has too many pages for one image")
    series = [one for one in file.series if not one.keyframe.subfiletype & (_REDUCED | _MASK)]
    if len(series) != 1 or len(series[0].shape) != 3:
        raise ValueError("it is no image of three axes")
    (one,), axes = series, series[0].axes
    may_be = [axis for axis in range(3) if axes[axis] in "SC"] or ([0, 2] if axes == _NO_AXES else [])
    if not may_be:
        raise ValueError("no axis is that of bands")
    fits = [axis for axis in may_be if one.shape[axis] == channels]
    if axes == _NO_AXES and channels == 3 and fits == [0]:
        raise ValueError("colour is asked for often, without a thought of three pages")
    if len(fits) != 1:
        shape = "x".join(map(str, one.shape))
        counts = " or ".join(str(one.shape[axis]) for axis in may_be if 1 < one.shape[axis] <= MAX_CHANNELS)
        if len(fits) > 1 or not counts:
            raise UserError(f"of the shape {shape}, in which no axis can be told to be that of bands")
        what = "several pages or bands; for bands" if axes == _NO_AXES else "bands, so"
        raise UserError(f"of {what} set data.channels to their number, {counts}")
    if one.nbytes > 4 * MAX_PIXELS or one.dtype.kind not in "uifb":
        raise UserError(f"of {one.nbytes:,} bytes of {one.dtype}; expected up to {4 * MAX_PIXELS:,} bytes of numbers")
    kind = one.keyframe.compression
    if kind not in checks.needed("tifffile", "formats").TIFF.DECOMPRESSORS:
        raise UserError(f"of bands packed by {kind.name}, which are read after pip install imagecodecs")
    return one, fits[0]
