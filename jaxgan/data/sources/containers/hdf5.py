"""HDF5 files of images: StudioGAN (imgs, [N, H, W, C]), BigGAN (imgs, [N, C, H, W]), PatchCamelyon (x and y).

Images that lie in the file as they are, are mapped; chunks are read as a whole and the last ones kept. Links, virtual
sets and external files are refused: they name other files.

References:
  The HDF Group, "HDF5 file format specification", version 3.0.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.images.memory_budget import MAX_BYTES
from jaxgan.data.labels import Labels, asked, chosen, numbered
from jaxgan.data.sources.containers.arrays import IMAGES, LABELS
from jaxgan.data.sources.containers.blocks import Blocks
from jaxgan.data.sources.containers.npy import as_images
from jaxgan.data.sources.containers.probe import survives
from jaxgan.data.sources.containers.ranges import fingerprint, first_bytes, holds, matching, read_range
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Arrays, Records

MAGIC = b"\x89HDF\r\n\x1a\n"

# Of one chunk, and of a column of labels.
MAX_CHUNK, MAX_LABELS = 2**27, 2**28

# So much longer than in the file is what deflate packs, at most.
MAX_RATIO = 1032

# Where a set of values of several lengths lies, there are so many bytes for each: its length is the first four.
_REFERENCE = 16
_DEFLATE = 1

_PROBE = """
import h5py, sys
with h5py.File(sys.argv[1], "r") as file:
    for name in file:
        try:
            is_here = file.get(name, getlink=True).__class__ is h5py.HardLink
            data = file[name] if is_here and isinstance(file[name], h5py.Dataset) else None
            if data is not None and data.shape and data.size and not (data.is_virtual or data.external):
                for row in {*range(0, len(data), max(1, len(data) // 8)), len(data) - 1}:
                    data[row]
        except (OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
            if "alloc" in str(error):
                raise MemoryError
"""


class Chunked(Records):
    """Images in a set of chunks, or encoded ones of several lengths.

    Args:
      data: the set, [N, ...].
      file: that holds it.
      place: where it lies, printable.
      labels: of the N images.
      identity: of the content.
    """

    def __init__(self, data: Any, file: Path, place: str, labels: Labels | None, identity: str):
        self.what, self.place, self.labels, self.fingerprint = "HDF5 file", place, labels, identity
        rows = data.chunks[0] if data.chunks else 1
        size = rows * math.prod(data.shape[1:]) * data.dtype.itemsize
        if size > MAX_CHUNK:
            raise UserError(f"{place} has chunks of {size:,} bytes; save it anew with smaller ones, as of one image.")
        if data.nbytes > MAX_RATIO * file.stat().st_size:
            raise UserError(f"{place} claims {data.nbytes:,} bytes, more than the file can hold; get it again.")
        starts = np.arange(0, len(data), rows)

        def load(number: int) -> tuple[Sequence, int]:
            start = int(starts[number])
            size = _check_lengths(data, file, start, start + rows) if self._encoded else 0
            block = data[start : start + rows]
            return block, max(block.nbytes, size)

        self._encoded = data.dtype.kind == "O"
        self._blocks = Blocks(np.minimum(rows, len(data) - starts), load)

    def __len__(self) -> int:
        return len(self._blocks)

    def raw(self, row: int) -> bytes | np.ndarray:
        """Return an image: encoded, or pixels [H, W, C]."""
        with checks.damaged(f"{self.place} cannot be read"):
            image = self._blocks[row]
        if self._encoded:
            return np.asarray(image, np.uint8).tobytes()
        return as_images(image[None], self.place)[0]


def open_hdf5(c: Config) -> Records:
    """Open a file of images; data.labels names the sets that hold the labels.

    Raises:
      FileNotFoundError: if the file is not there.
      ValueError: if it is damaged, holds no images, or names other files.
    """
    path = existing(c.path, "an HDF5 file")
    files = matching(path, (".h5", ".hdf5", ".hdf", ".hdf5.train")) if path.is_dir() else [path]
    if len(files) != 1:
        raise UserError(f"{printable(path)} holds {len(files)} HDF5 files; set data.path to one of them.")
    (file,), place = files, printable(files[0])
    open_regular(file)[0].close()
    h5py = checks.needed("h5py", "formats")
    survives(_PROBE, [str(file)], place)
    with checks.damaged(f"{place} is no sound HDF5 file"):
        opened = h5py.File(file, "r", rdcc_nbytes=2**26)
        sets = {name: opened[name] for name in opened if type(opened.get(name, getlink=True)) is h5py.HardLink}
        sets = {name: one for name, one in sets.items() if isinstance(one, h5py.Dataset) and one.shape}
        name, data = _images(sets, place, h5py)
        labels = _labels(sets, name, c.labels, file, place)
        identity = fingerprint("hdf5", [file], name, data.shape, "" if labels is None else labels.values)
        return _records(file, data, f"{name!r} of {place}", labels, identity)


def _records(file: Path, data: Any, place: str, labels: Labels | None, identity: str) -> Records:
    offset = data.id.get_offset()
    if data.chunks is None and offset is not None and data.dtype.kind in "uif":
        with open_regular(file)[0] as stream:
            images = np.memmap(stream, data.dtype, "r", offset, data.shape).view(np.ndarray)
        return Arrays("HDF5 file", place, as_images(images, place), labels, identity)
    return Chunked(data, file, place, labels, identity)


def _check_lengths(data: Any, file: Path, start: int, stop: int) -> int:
    """Return how many bytes the values of several lengths in some rows have.

    Raises:
      ValueError: one claims more than the file holds, which HDF5 would make room for.
    """
    raw, rows = b"", min(stop, len(data)) - start
    if data.chunks is None:
        raw = read_range(str(file), data.id.get_offset() + _REFERENCE * start, _REFERENCE * rows)
    elif data.id.get_chunk_info_by_coord((start,)).size <= MAX_CHUNK:
        skipped, raw = data.id.read_direct_chunk((start,))
        options = data.id.get_create_plist()
        for number in reversed(range(options.get_nfilters())):
            if skipped >> number & 1:
                continue
            if options.get_filter(number)[0] != _DEFLATE:
                raise UserError(f"{printable(file)} packs values of several lengths; save it anew without compression.")
            raw = zlib.decompressobj().decompress(raw, _REFERENCE * data.chunks[0])
    lengths = np.frombuffer(raw[: _REFERENCE * rows], "<u4")[:: _REFERENCE // 4].astype(np.int64)
    if len(lengths) < rows or lengths.sum() > min(MAX_BYTES, file.stat().st_size):
        raise UserError(f"{printable(file)} claims values longer than itself; get it again.")
    return int(lengths.sum())


def _images(sets: dict[str, Any], place: str, h5py: Any) -> tuple[str, Any]:
    """Return the name of the images, and the set."""

    def may_be(one: Any) -> bool:
        return one.ndim >= 3 or (one.ndim == 1 and h5py.check_vlen_dtype(one.dtype) == np.uint8)

    found = [name for word in IMAGES for name in sets if name.lower() == word and may_be(sets[name])]
    found += [name for name in sets if may_be(sets[name])]
    if not found:
        listed = ", ".join(f"{printable(name)} {one.dtype}{one.shape}" for name, one in list(sets.items())[:20])
        raise UserError(f"{place} holds {listed or 'no sets'}; expected images [N, H, W, C] under a name such as imgs.")
    data = sets[found[0]]
    if data.is_virtual or data.external:
        raise UserError(f"{found[0]!r} of {place} lies in other files; save a copy, which holds the images itself.")
    return found[0], data


def _labels(sets: dict[str, Any], images: str, wanted: str, file: Path, place: str) -> Labels | None:
    """Return the labels: those that are asked for, or a set of a usual name."""
    names = asked(wanted, set(sets) - {images}, place)
    usual = [name for word in LABELS for name in sets if name.lower() == word and name != images]
    for name in names or usual[:1]:
        one, count = sets[name], len(sets[images])
        if one.is_virtual or one.external or one.nbytes > min(MAX_LABELS, MAX_RATIO * file.stat().st_size):
            raise UserError(f"{name!r} of {place} lies in other files, or has too many bytes for labels.")
        if len(one) != count:
            raise UserError(f"{name!r} of {place} has {len(one):,} labels for {count:,} images; expected as many.")
        if one.dtype.kind == "O":
            for start in range(0, count, step := one.chunks[0] if one.chunks else count):
                _check_lengths(one, file, start, start + step)
    if names:
        return chosen({name: _plain(sets[name]) for name in names}, wanted, place)
    return numbered(_plain(sets[usual[0]]), place) if usual else None


def _plain(data: Any) -> list[Any]:
    values = data.asstr()[()] if data.dtype.kind in "SO" else data[()]
    values = values.reshape(len(values), -1)
    return list(values[:, 0] if values.shape[1] == 1 else values)


def finds(path: Path) -> bool:
    """Return whether a path is an HDF5 file, or a folder with one."""
    if path.is_dir():
        return holds(path, (".h5", ".hdf5"))
    return first_bytes(path, 8) == MAGIC


KIND = container(open_hdf5, finds, "an HDF5 file of images, as of StudioGAN or BigGAN", has_splits=False)
