"""CIFAR-10 and CIFAR-100, the archives for Python and the binary ones, unpacked or as they are downloaded.

The Python ones are pickles. Nothing in them is executed: what they call is replaced by classes that keep bytes, numbers
and texts, and whatever else they name is refused.

References:
  A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
"""

from __future__ import annotations

import io
import pickle
import re
import tarfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from jaxgan.base import checks, digests
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.images.decode import content_of
from jaxgan.data.labels import numbered
from jaxgan.data.sources.containers.ranges import first_bytes
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Arrays

SPLITS = ("train", "test")

# The parts of each split, in their order: CIFAR-10 and 100 for Python, then binary.
PARTS = {
    "train": (tuple(f"data_batch_{i}" for i in range(1, 6)), ("train",), *(
        (tuple(f"data_batch_{i}.bin" for i in range(1, 6)), ("train.bin",))
    )),
    "test": (("test_batch",), ("test",), ("test_batch.bin",), ("test.bin",)),
}  # fmt: skip
NAMES = ("batches.meta", "meta", "batches.meta.txt", "fine_label_names.txt", "coarse_label_names.txt")
KNOWN = {name for ways in PARTS.values() for parts in ways for name in parts} | set(NAMES)

# Pixels of an image; of a file, the largest of which has 154 MB.
PIXELS, MAX_BYTES = 3 * 32 * 32, 2**28


def open_cifar(c: Config) -> Arrays:
    """Read a split of CIFAR-10 or CIFAR-100, with its fine labels, or the coarse ones with data.labels=coarse.

    Raises:
      FileNotFoundError: if the path is not there.
      ValueError: if a file is missing or damaged.
    """
    checks.one_of("data.split", c.split, SPLITS)
    checks.one_of("data.labels", c.labels, ("", "fine", "coarse"))
    path = existing(c.path, "CIFAR's folder or archive")
    files, place = _files(path), printable(path)
    for parts in PARTS[c.split]:
        if found := [name for name in parts if name in files]:
            is_binary = found[0].endswith(".bin")
            batches = [(_binary if is_binary else _pickled)(files[n], f"{n} of {place}", c.labels) for n in found]
            images = np.concatenate([images for images, _ in batches]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            labels = np.concatenate([labels for _, labels in batches])
            known = numbered(labels, place, _names(files, c.labels) or None)
            return Arrays("CIFAR", place, images, known, digests.digest("cifar", images, labels))
    raise UserError(f"{place} has no split {c.split!r} of CIFAR; expected files such as {PARTS[c.split][0][0]}.")


def _files(path: Path) -> dict[str, bytes]:
    """Return the contents of the files with known names, from a folder or an archive, packed or not."""
    if path.is_dir():
        known = [file for file in path.iterdir() if file.name in KNOWN and file.is_file()]
        return {file.name: content_of(str(file), MAX_BYTES) for file in known}
    found: dict[str, bytes] = {}
    with (
        open_regular(path)[0] as stream,
        checks.damaged(f"{printable(path)} is a damaged archive"),
        tarfile.open(fileobj=stream, mode="r|*") as archive,
    ):
        for number, member in enumerate(archive):
            name = member.name.rpartition("/")[2]
            if member.isreg() and name in KNOWN and name not in found and member.size <= MAX_BYTES:
                part = archive.extractfile(member)
                found[name] = part.read() if part else b""
            elif member.size > MAX_BYTES or number > 1000:
                break
    return found


def _binary(content: bytes, what: str, wanted: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels [N, 3072] and labels [N] of rows of 1 label and the pixels, or 2 labels: coarse and fine."""
    for num_labels in (2, 1) if re.match("t(rain|est).bin", what) else (1,):
        if content and len(content) % (PIXELS + num_labels) == 0:
            rows = np.frombuffer(content, np.uint8).reshape(-1, PIXELS + num_labels)
            return rows[:, num_labels:], rows[:, 0 if wanted == "coarse" else num_labels - 1].astype(np.int64)
    raise UserError(f"{what} has {len(content):,} bytes, no whole number of images; get it again.")


def _pickled(content: bytes, what: str, wanted: str) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels [N, 3072] and labels [N]."""
    batch = unpickle(content, what)
    key = f"{wanted or 'fine'}_labels"
    with checks.damaged(f"{what} is no batch of CIFAR"):
        pixels, labels = batch["data"].array(), np.array(batch[key if key in batch else "labels"])
        if pixels.shape != (*labels.shape, PIXELS) or labels.ndim != 1 or labels.dtype.kind != "i":
            raise ValueError(f"pixels {pixels.shape} and labels {labels.shape}")
        return pixels, labels


def _names(files: dict[str, bytes], wanted: str) -> list[str]:
    """Return the names of the classes, none where they are not there."""
    for name in ("batches.meta", "meta"):
        if name in files:
            meta = unpickle(files[name], name)
            for key in (f"{wanted or 'fine'}_label_names", "label_names"):
                if isinstance(meta.get(key), list):
                    return [_text(one) for one in meta[key]]
    for name in ("batches.meta.txt", f"{wanted or 'fine'}_label_names.txt"):
        if name in files:
            return files[name][: 2**16].decode(errors="replace").split()
    return []


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


class _Bytes:
    """Stands for an array: keeps what a pickle says of it."""

    state: Any = None

    def __init__(self, *args: Any):
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def array(self) -> np.ndarray:
        """Return the array, which must be of bytes."""
        _, shape, dtype, fortran, content = self.state
        content = content.encode("latin1") if isinstance(content, str) else content
        if fortran or dtype.name not in ("u1", b"u1") or not isinstance(content, bytes):
            raise ValueError("its pixels are no bytes")
        return np.frombuffer(content, np.uint8).reshape(shape)


class _Type:
    """Stands for the type of an array."""

    def __init__(self, name: Any = "", *args: Any):
        self.name = name

    def __setstate__(self, state: Any) -> None:
        pass


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Stand for `codecs.encode`, by which Python 3 writes bytes for Python 2."""
    if encoding not in ("latin1", b"latin1") or not isinstance(text, str):
        raise pickle.UnpicklingError("it has another encoding")
    return text.encode("latin1")


# All that a pickle of CIFAR may name.
_STANDS_FOR = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _Bytes for core in ("core", "_core")},
    ("numpy", "ndarray"): _Bytes,
    ("numpy", "dtype"): _Type,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle._Unpickler):
    """Python's own unpickler, whose memory follows the content: that in C makes room for any number that it reads."""

    # For bytearrays this one makes room in advance, too. CIFAR has none.
    dispatch: ClassVar = dict(pickle._Unpickler.dispatch)
    del dispatch[pickle.BYTEARRAY8[0]]

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _STANDS_FOR:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which is not executed")
        return _STANDS_FOR[module, name]


def unpickle(content: bytes, what: str) -> dict[str, Any]:
    """Return a pickled dictionary of texts, numbers, lists and `_Bytes`; nothing that it names is executed.

    Raises:
      ValueError: it is something else, or damaged.
    """
    with checks.damaged(f"{what} is no pickled dictionary of CIFAR"):
        found = _Unpickler(io.BytesIO(content), encoding="bytes").load()
        return {_text(key): value for key, value in found.items()}


def finds(path: Path) -> bool:
    """Return whether a path is CIFAR's folder, or an archive of that name."""
    if path.is_dir():
        has = {name for name in KNOWN if (path / name).is_file()}
        return bool(has & {*PARTS["train"][0], *PARTS["train"][2]}) or (
            bool(has & {"train", "train.bin", "test", "test.bin"}) and bool(has & set(NAMES))
        )
    is_archive = first_bytes(path, 2) == b"\x1f\x8b" or first_bytes(path)[257:262] == b"ustar"
    return is_archive and path.name.startswith("cifar")


KIND = container(open_cifar, finds, "CIFAR-10 or CIFAR-100, its folder or archive")
