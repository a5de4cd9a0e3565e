"""Data sets in MNIST's own file format: MNIST, Fashion-MNIST, KMNIST, EMNIST, QMNIST.

An IDX file is two zero bytes, a type code, the number of dimensions, each dimension as a big-endian uint32, then the
values, big-endian, last dimension fastest; often packed with gzip.

References:
  Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits", section "File formats".
  G. Cohen, S. Afshar, J. Tapson, A. van Schaik, "EMNIST: an extension of MNIST to handwritten letters", 2017.
"""

from __future__ import annotations

import gzip
import math
import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from jaxgan.base import checks, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.data import identity
from jaxgan.data.images.memory_budget import MAX_PIXELS
from jaxgan.data.labels import Labels
from jaxgan.data.limits import unpacked_bytes
from jaxgan.data.sources.containers.ranges import fill
from jaxgan.data.sources.kind import container, existing_folder
from jaxgan.data.sources.records import Arrays

TYPES = {
    code: np.dtype(kind)
    for code, kind in ((0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8"))
}
GZIP = b"\x1f\x8b"

# How the files of each split begin, after the name of the data set if there is one.
PREFIXES = {"train": "train", "test": "t10k|test"}
_TYPE = r"(ubyte|byte|short|int|float|double)(\.gz)?"
KINDS = {"images": rf"images[-_.]idx3[-_.]{_TYPE}", "labels": rf"labels[-_.]idx[12][-_.]{_TYPE}"}

# Labels that stand for an unknown class.
UNKNOWN = (-1, 255)


def open_idx(path: str, split: str) -> Arrays:
    """Read one split of an IDX data set.

    The files are found by their names, gzip or not: `train-images-idx3-ubyte`, `t10k-labels.idx1-ubyte.gz`,
    `emnist-letters-test-images-idx3-ubyte.gz`, `qmnist-train-labels-idx2-int`, whose first column is taken. Without a
    file of labels the images have none. Labels that do not run from 0 (EMNIST letters: 1 to 26) are numbered anew,
    0..K-1 in their order, over both splits together. Images whose label is one of UNKNOWN are left out. EMNIST stores
    its images transposed; where a file name begins with `emnist` they are turned back.

    Args:
      path: the folder.
      split: 'train' or 'test'.

    Returns:
      Images [N, H, W, 1] and labels 0..K-1.

    Raises:
      FileNotFoundError: if the folder or its file of images does not exist.
      ValueError: if a file is damaged, or several files fit.
    """
    checks.one_of("data.split", split, PREFIXES)
    folder = existing_folder(path, "with IDX files")
    file = find(folder, split, "images")
    if file is None:
        raise FileNotFoundError(
            f"No images of split {split!r} in {terminal.printable(folder)}; expected a file like "
            f"{PREFIXES[split].split('|')[0]}-images-idx3-ubyte.gz there."
        )
    images = load(file, 3)
    if not images.size:
        raise UserError(f"{terminal.printable(file)} holds no images; get the file again.")
    if file.name.lower().startswith("emnist"):
        images = np.ascontiguousarray(images.transpose(0, 2, 1))
    numbers, known = _labels(folder, split, file, len(images))
    if known is None:
        labels = np.zeros(len(images), np.int32)
        return _arrays(images, None, identity.of_arrays(images[..., None], labels), folder)
    if lacking := int((~np.isin(numbers, known)).sum()):
        terminal.say(f"{lacking:,} images in {terminal.printable(folder)} have an unknown class and are left out.")
        images, numbers = images[np.isin(numbers, known)], numbers[np.isin(numbers, known)]
    labels = np.searchsorted(known, numbers).astype(np.int32)
    fingerprint = identity.of_arrays(images[..., None], labels)
    return _arrays(images, Labels(labels, tuple(map(str, known.tolist()))), fingerprint, folder)


def _arrays(images: np.ndarray, labels: Labels | None, fingerprint: str, folder: Path) -> Arrays:
    return Arrays("IDX files", terminal.printable(folder), images[..., None], labels, fingerprint)


def _labels(folder: Path, split: str, images: Path, expected: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the labels [N] and all that stand for a class, sorted; None where the data set has no labels."""
    file = find(folder, split, "labels")
    if file is None:
        return np.zeros(expected, np.int32), None
    labels = _numbers(file)
    if len(labels) != expected:
        raise UserError(
            f"{terminal.printable(file)} holds {len(labels)} labels, but {terminal.printable(images.name)} holds "
            f"{expected} images; expected one each, so take both files from the same data set."
        )
    known = np.unique(labels)
    for other in PREFIXES:  # a class may be missing from one split, and must have the same number in both
        if other != split and (there := find(folder, other, "labels")) is not None:
            known = np.union1d(known, _numbers(there))
    if 254 not in known:
        known = np.setdiff1d(known, UNKNOWN)
    return labels, known if known.size else None


def _numbers(file: Path) -> np.ndarray:
    """Return int64[N] labels: whole numbers, in a table those of its first column."""
    labels = load(file, 1, 2)
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] else labels
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise UserError(f"{terminal.printable(file)} holds {labels.dtype} {labels.shape}; expected whole numbers.")
    return labels.astype(np.int64)


def find(folder: Path, split: str, kind: str) -> Path | None:
    """Return the file of a split ('train', 'test') and kind ('images', 'labels'), or None.

    Raises:
      ValueError: if files of several data sets fit.
    """
    pattern = re.compile(rf"(.*[-_.])?({PREFIXES[split]})[-_.]{KINDS[kind]}", re.IGNORECASE)
    files = sorted(f for f in folder.iterdir() if pattern.fullmatch(f.name) and f.is_file())
    sets = {f.name.removesuffix(".gz") for f in files}
    if len(sets) > 1:
        names = terminal.printable(", ".join(sorted(sets)))
        raise UserError(f"Several files hold the {kind} of split {split!r}: {names}; give each data set its folder.")
    return files[0] if files else None  # of a packed and an unpacked twin the unpacked one sorts first


def load(file: Path, *num_dims: int) -> np.ndarray:
    """Read one IDX file, unpacking it if its content (not its name) says gzip.

    Only as much is unpacked as the header claims, and nothing where the claim cannot be true or takes more than
    `unpacked_bytes`.

    Returns:
      An array with one of the numbers of dimensions `num_dims`.

    Raises:
      ValueError: if the file is damaged or holds something else.
      OSError: if it cannot be read, or is no regular file.
    """
    name = terminal.printable(file)
    stream, size = open_regular(file)
    with stream:
        packed = stream.read(2) == GZIP
        stream.seek(0)
        if not packed:
            return parse(stream, num_dims, name, (size, size))
        with checks.damaged(f"{name} is a damaged gzip file", "get the file again"), gzip.open(stream) as unpacked:
            # What deflate makes of the content is not much longer than that, nor over 1,032 times shorter.
            return parse(unpacked, num_dims, name, (size // 2 - 2**10, 1032 * size))


def parse(
    stream: BinaryIO | gzip.GzipFile, num_dims: tuple[int, ...], name: str, num_bytes: tuple[int, int]
) -> np.ndarray:
    """Read an unpacked IDX file.

    Args:
      stream: the whole file.
      num_dims: the numbers of dimensions to expect: 3 for images, 1 or 2 for labels.
      name: what to call the file in a message.
      num_bytes: at least and at most so many bytes can be in the stream.

    Returns:
      An array of one of TYPES, in the machine's byte order.

    Raises:
      ValueError: if magic number, type, dimensions or length are wrong.
    """
    header = stream.read(4)
    if len(header) < 4 or header[:2] != bytes(2) or header[2] not in TYPES or header[3] not in num_dims:
        raise UserError(
            f"{name} begins with bytes {header.hex() or 'of nothing'}; expected an IDX file in "
            f"{' or '.join(map(str, num_dims))} dimensions, such as {bytes((0, 0, 8, num_dims[0])).hex()}."
        )
    dtype, sides = TYPES[header[2]], stream.read(4 * header[3])
    if len(sides) < 4 * header[3]:
        raise UserError(f"{name} ends inside its header; get the file again.")
    shape = tuple(int(n) for n in np.frombuffer(sides, ">u4"))
    claimed = math.prod(shape) * dtype.itemsize
    expected = f"expected {claimed} for dimensions {' x '.join(map(str, shape))}, so get the file again."
    low, high = (bound - 4 - len(sides) for bound in num_bytes)
    if not low <= claimed <= high:
        has = f"at least {low}" if claimed < low else f"at most {high}"
        raise UserError(f"{name} has {low if low == high else has} bytes of values; {expected}")
    # Where one side is 0, others may still be more than NumPy can count.
    pixels = math.prod(max(side, 1) for side in shape[1:])
    most = unpacked_bytes()
    if pixels > MAX_PIXELS or max(claimed, shape[0]) > most:
        raise UserError(
            f"{name} has {claimed / 2**30:.1f} GiB of images of {' x '.join(map(str, shape[1:]))}; expected at most "
            f"{MAX_PIXELS:,} pixels an image, and {most / 2**30:.1f} GiB in all."
        )
    values = np.empty(math.prod(shape), dtype)
    filled = fill(values, stream)
    if filled < claimed or stream.read(1):
        has = f"{filled}" if filled < claimed else f"more than {claimed}"
        raise UserError(f"{name} has {has} bytes of values; {expected}")
    return values.reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def finds(path: Path) -> bool:
    """Return whether a path is a folder with images in IDX files."""
    return path.is_dir() and any(re.search(KINDS["images"], file.name, re.IGNORECASE) for file in path.iterdir())


ABOUT = "a folder of IDX files, such as Fashion-MNIST, EMNIST or QMNIST"
KIND = container(lambda c: open_idx(c.path, c.split), finds, ABOUT)
