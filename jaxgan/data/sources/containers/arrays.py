"""Arrays that NumPy wrote: .npy, and .npz of MedMNIST, guided-diffusion, Keras, Kuzushiji-49, Quick Draw.

Arrays that lie in a file as they are, are mapped: memory holds the images in use. Packed ones are unpacked into memory.
Nothing in them is unpickled.

References:
  R. Kern, "A simple file format for NumPy arrays", NEP 1, 2007.
  J. Yang et al., "MedMNIST v2", 2023.  P. Dhariwal, A. Nichol, "guided-diffusion", 2021.
"""

from __future__ import annotations

import math
import pathlib
import re
import zipfile
from typing import IO, Any

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError, brief
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.labels import Labels, chosen, numbered
from jaxgan.data.limits import host_memory
from jaxgan.data.sources.containers import zipped
from jaxgan.data.sources.containers.ranges import fingerprint, first_bytes, holds, matching
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Arrays

# Unpacked arrays may take this part of the machine's memory.
MEMORY_FRACTION = 0.5

# Names of arrays of images and of labels, without the name of a split.
IMAGES = ("images", "imgs", "image", "x", "data", "arr_0")
LABELS = ("labels", "label", "y", "targets", "arr_1")

NPY = b"\x93NUMPY"


def open_arrays(c: Config) -> Arrays:
    """Open an array of images, and the labels in the same file or in one beside it (imgs.npz, labels.npz).

    Raises:
      FileNotFoundError: if the file is not there.
      ValueError: if it is damaged, or it is not clear which array holds the images.
    """
    path = existing(c.path, "a .npy or .npz file")
    file = _one(path)
    arrays = Members(file)
    images = _images(arrays, c.split)
    place = f"{images!r} of {printable(file)}" if images else printable(file)
    pixels = as_images(arrays.read(images), place)
    labels = _labels(arrays, images, c.split, c.labels, place)
    what = "npz file" if images else "npy file"
    facts = (pixels.shape, pixels.dtype, "" if labels is None else labels.values)
    return Arrays(what, place, pixels, labels, fingerprint("arrays", [file], images, *facts))


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
    """The arrays of a .npy or .npz file; that of a .npy file has the name ''.

    Raises:
      ValueError: it is neither.
    """

    def __init__(self, file: pathlib.Path):
        self.file = file
        self.members: dict[str, zipfile.ZipInfo | None] = {"": None}
        if first_bytes(file, 6) != NPY:
            found = {one.filename.removesuffix(".npy"): one for one in zipped.members_of(file)}
            self.members = {name: one for name, one in found.items() if one.filename.endswith(".npy")}

    def read(self, name: str) -> np.ndarray:
        """Return an array, mapped where it is not packed.

        Raises:
          ValueError: it is damaged, holds Python objects, or is too large.
        """
        what = f"{name!r} of {printable(self.file)}" if name else printable(self.file)
        member = self.members[name]
        try:
            if member is not None and member.compress_type != zipfile.ZIP_STORED:
                return self._unpack(member, what)
            start = 0 if member is None else zipped.offset(str(self.file), member)
            stream, size = open_regular(self.file)
            with stream:
                stream.seek(max(start, 0))
                shape, fortran, dtype = _header(stream, what)
                at, needed = stream.tell(), math.prod(shape) * dtype.itemsize
                if start < 0 or at + needed > size:
                    raise UserError(f"{what} ends before its {needed:,} bytes of values; get it again.")
                if not needed:
                    return np.empty(shape, dtype)
                return np.memmap(stream, dtype, "r", at, shape, "F" if fortran else "C").view(np.ndarray)
        except UserError:
            raise
        except Exception as error:  # whatever a damaged header or archive leads to
            raise UserError(f"{what} cannot be read, or is damaged ({brief(error)}); get it again.") from error

    def _unpack(self, member: zipfile.ZipInfo, what: str) -> np.ndarray:
        with zipfile.ZipFile(self.file) as archive, archive.open(member) as stream:
            shape, fortran, dtype = _header(stream, what)
            needed = math.prod(shape) * dtype.itemsize
            if needed > member.file_size or needed > 1032 * member.compress_size + 2**10:
                raise UserError(f"{what} ends before its {needed:,} bytes of values; get it again.")
            if needed > MEMORY_FRACTION * host_memory():
                raise UserError(
                    f"{what} takes {needed / 2**30:.1f} GiB unpacked; save it by numpy.savez, not savez_compressed: "
                    "it is read without unpacking."
                )
            flat, filled = np.empty(math.prod(shape), dtype), 0
            view = flat.view(np.uint8).data if needed else memoryview(b"")
            while filled < needed:
                piece = stream.read(min(2**20, needed - filled))
                if not piece:
                    raise UserError(f"{what} ends before its {needed:,} bytes of values; get it again.")
                view[filled : filled + len(piece)] = piece
                filled += len(piece)
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


def _one(path: pathlib.Path) -> pathlib.Path:
    """Return the file, or the one of a folder."""
    if path.is_file():
        return path
    files = [file for file in matching(path, (".npy", ".npz")) if not re.search("label|target", file.name.lower())]
    if len(files) != 1:
        names = ", ".join(printable(file.name) for file in files[:5])
        raise UserError(
            f"{printable(path)} holds {len(files)} files of arrays ({names}); set data.path to the one with the images."
        )
    return files[0]


def _images(arrays: Members, split: str) -> str:
    """Return the name of the array of images of a split."""
    if "" in arrays.members:
        return ""
    splits = {"validation": ("validation", "valid", "val"), "test": ("test",)}
    words = next((known for known in splits.values() if split in known), (split,))
    known = {name.lower(): name for name in arrays.members}
    for word in words:
        for image in IMAGES:
            for name in (f"{word}_{image}", f"{image}_{word}"):
                if name in known:
                    return known[name]
    if split == "train":
        for image in IMAGES:
            if image in known:
                return known[image]
    if len(arrays.members) == 1 and split == "train":
        return next(iter(arrays.members))
    names = ", ".join(map(printable, list(arrays.members)[:20]))
    raise UserError(
        f"{printable(arrays.file)} holds {names}; expected images of split {split!r} as {split}_images, x_{split}, "
        "images or arr_0."
    )


def _labels(arrays: Members, images: str, split: str, wanted: str, place: str) -> Labels | None:
    """Return the labels whose array has the name of the images' but for the word, or None."""
    if wanted:
        names = [name.strip() for name in wanted.split(",")]
        for name in names:
            checks.one_of(f"data.labels of {printable(arrays.file)}", name, set(arrays.members) - {images})
        return chosen({name: arrays.read(name) for name in names}, wanted, place)
    for image in sorted(IMAGES, key=len, reverse=True):
        if image in images.lower():
            for label in LABELS:
                for name in arrays.members:
                    if name and name.lower() == images.lower().replace(image, label):
                        return _as_labels(arrays.read(name), place)
    beside = re.sub("images|imgs|image", "labels", arrays.file.name)
    if beside != arrays.file.name and (file := arrays.file.with_name(beside)).is_file():
        other = Members(file)
        if len(other.members) == 1:
            return _as_labels(other.read(next(iter(other.members))), place)
    return None


def _as_labels(array: np.ndarray, place: str) -> Labels | None:
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array  # MedMNIST: [N, 1]
    return numbered(list(array) if array.ndim else [], place)


def finds(path: pathlib.Path) -> bool:
    """Return whether a path is a .npy or .npz file, or a folder of such without images."""
    if path.is_dir():
        return holds(path, (".npy", ".npz"))
    start = first_bytes(path, 6)
    if start == NPY:
        return True
    return start[:4] == b"PK\x03\x04" and path.suffix.lower() == ".npz"


KIND = container(lambda c, workers: open_arrays(c), finds, "a .npy or .npz file of images, with labels beside them")
