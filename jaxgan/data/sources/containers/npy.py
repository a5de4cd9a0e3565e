"""Arrays in .npy and .npz files, of which nothing is unpickled.

Those that lie in a file as they are, are mapped: memory holds what is in use. Packed ones are unpacked into memory.

References:
  R. Kern, "A simple file format for NumPy arrays", NEP 1, 2007.
"""

from __future__ import annotations

import collections
import math
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.data.limits import unpacked_bytes
from jaxgan.data.sources.containers import zipped
from jaxgan.data.sources.containers.ranges import fill, first_bytes

NPY = b"\x93NUMPY"


def as_images(array: np.ndarray, place: str) -> np.ndarray:
    """Return a view [N, H, W, C] of images that lie in another order of axes.

    [N, H, W] are grey; [N, H * W] are square and grey; [N, C, H, W] are told by C = 1 or 3 where the last axis is no C.
    """
    if array.dtype.kind not in "uifb" or array.dtype.itemsize > 8:
        raise UserError(f"{place} holds {array.dtype}; expected numbers, such as uint8.")
    if array.ndim == 2 and (side := math.isqrt(array.shape[1])) ** 2 == array.shape[1] and side > 1:
        array = array.reshape(-1, side, side)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] not in (1, 2, 3, 4):
        array = array.transpose(0, 2, 3, 1)
    return array


class Members:
    """The arrays of a .npy or .npz file, that of a .npy file with the name ''; or of several .npy files of one folder.

    Raises:
      ValueError: it is neither.
    """

    def __init__(self, *files: Path):
        self.is_folder = len(files) > 1
        self.file = file = files[0].parent if self.is_folder else files[0]
        self.members: dict[str, zipfile.ZipInfo | None] = {"": None}
        self.files = collections.defaultdict[str, Path](lambda: file)
        if self.is_folder:
            self.files.update((one.stem, one) for one in files)
            self.members = dict.fromkeys(self.files)
        elif first_bytes(file, 6) != NPY:
            found = {one.filename.removesuffix(".npy"): one for one in zipped.members_of(file)}
            self.members = {name: one for name, one in found.items() if one.filename.endswith(".npy")}

    def read(self, name: str) -> np.ndarray:
        """Return an array, mapped where it is not packed.

        Raises:
          ValueError: it is damaged, holds Python objects, or is too large.
        """
        what = f"{name!r} of {printable(self.file)}" if name else printable(self.file)
        member = self.members[name]
        with checks.damaged(f"{what} cannot be read, or is damaged"):
            if member is not None and member.compress_type != zipfile.ZIP_STORED:
                return self._unpack(member, what)
            file = self.files[name]
            start = 0 if member is None else zipped.offset(str(file), member)
            stream, size = open_regular(file)
            with stream:
                stream.seek(max(start, 0))
                shape, fortran, dtype = _header(stream, what)
                at, needed = stream.tell(), math.prod(shape) * dtype.itemsize
                if start < 0 or at + needed > size:
                    raise UserError(f"{what} ends before its {needed:,} bytes of values; get it again.")
                if not needed:
                    return np.empty(shape, dtype)
                return np.memmap(stream, dtype, "r", at, shape, "F" if fortran else "C").view(np.ndarray)

    def _unpack(self, member: zipfile.ZipInfo, what: str) -> np.ndarray:
        with zipfile.ZipFile(self.file) as archive, archive.open(member) as stream:
            shape, fortran, dtype = _header(stream, what)
            needed = math.prod(shape) * dtype.itemsize
            if needed > member.file_size or needed > 1032 * member.compress_size + 2**10:
                raise UserError(f"{what} ends before its {needed:,} bytes of values; get it again.")
            if needed > unpacked_bytes():
                raise UserError(
                    f"{what} takes {needed / 2**30:.1f} GiB unpacked; save it by numpy.savez, not savez_compressed: "
                    "it is read without unpacking."
                )
            flat = np.empty(math.prod(shape), dtype)
            if fill(flat, stream) < needed:
                raise UserError(f"{what} ends before its {needed:,} bytes of values; get it again.")
        return flat.reshape(shape, order="F" if fortran else "C")


def _header(stream: IO[bytes], what: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type of an array, of which nothing is executed."""
    version = np.lib.format.read_magic(stream)
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(stream)
    if dtype.hasobject or dtype.itemsize == 0:
        raise UserError(f"{what} holds {'Python objects, which are not read' if dtype.hasobject else 'nothing'}.")
    if any(side < 0 for side in shape) or math.prod(max(side, 1) for side in shape) * dtype.itemsize >= 2**62:
        raise UserError(f"{what} claims the shape {shape}; get it again.")
    return shape, fortran, dtype
