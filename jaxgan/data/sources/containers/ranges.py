"""Parts of large files, read without the rest."""

from __future__ import annotations

import contextlib
import os
from gzip import GzipFile
from pathlib import Path
from typing import IO

import numpy as np

from jaxgan.base import digests
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.data.images.decode import insist
from jaxgan.data.images.memory_budget import MAX_BYTES
from jaxgan.data.sources import folder

# Bytes that are read at a time where a file is unpacked.
PIECE = 2**20


def first_bytes(path: Path, count: int = 512) -> bytes:
    """Return how a file begins; nothing where it is none that can be read."""
    with contextlib.suppress(OSError), open_regular(path)[0] as stream:
        return stream.read(count)
    return b""


def read_range(path: str, start: int, count: int) -> bytes:
    """Return bytes of a file, fewer where it ends.

    Raises:
      ValueError: so many are not read at a time; or the disk or the network failed, again and again.
    """
    if not 0 <= count <= MAX_BYTES or start < 0:
        raise UserError(f"{printable(path)} claims an image of {count:,} bytes; expected at most {MAX_BYTES:,}.")

    def read(file: str) -> bytes:
        with open_regular(file)[0] as stream:
            return os.pread(stream.fileno(), count, start)

    return insist(read, path)


def fill(values: np.ndarray, stream: IO[bytes] | GzipFile) -> int:
    """Read into an array piece by piece, as far as the stream goes; return how many bytes came."""
    buffer, filled = values.view(np.uint8).data if values.size else memoryview(b""), 0
    while filled < len(buffer) and (piece := stream.read(min(PIECE, len(buffer) - filled))):
        buffer[filled : filled + len(piece)] = piece
        filled += len(piece)
    return filled


def fingerprint(what: str, files: list[Path], *facts: object) -> str:
    """Return a digest of the sizes of files, with their first and last bytes, and of other facts."""
    parts = []
    for file in files:
        size = file.stat().st_size
        parts += [size, read_range(str(file), 0, 2**16), read_range(str(file), max(0, size - 2**16), 2**16)]
    return digests.digest(what, *parts, *facts)


def matching(path: Path, endings: tuple[str, ...]) -> list[Path]:
    """Return the file itself, or the files of a folder and of the folders in it, that have one of some endings, sorted.

    Hidden files and links out of the folder are passed over.
    """
    if path.is_file():
        return [path] if path.name.lower().endswith(endings) else []
    base, found = os.path.realpath(path), []
    for place, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")] if place.count(os.sep) < 64 else []
        for name in names:
            file = os.path.join(place, name)
            if not name.lower().endswith(endings) or name.startswith(".") or not os.path.isfile(file):
                continue
            if os.path.realpath(file).startswith(os.path.join(base, "")):
                found.append(Path(file))
    return sorted(found)


def holds(path: Path, endings: tuple[str, ...]) -> bool:
    """Return whether a path is a folder without images in which files of some endings lie."""
    return path.is_dir() and not folder.finds(path) and bool(matching(path, endings))


def of_split(files: list[Path], root: Path, split: str) -> list[Path]:
    """Return the files of a split by their names, `train-00000-of-00002.parquet` or `train/0.tar`.

    Files that name no split belong to 'train'.

    Raises:
      ValueError: there are none.
    """
    words = {"validation": ("validation", "valid", "val", "dev"), "test": ("test", "testing")}

    def named(file: Path) -> str:
        parts = file.relative_to(root).parts if file != root else (file.name,)
        for part in reversed(parts):
            first = part.lower().replace("_", "-").replace(".", "-").split("-")[0]
            for name, known in words.items():
                if first in known:
                    return name
            if first.startswith("train"):
                return "train"
        return "train"

    wanted = next((name for name, known in words.items() if split.lower() in known), split)
    found = files if files == [root] else [file for file in files if named(file) == wanted]
    if not found:
        splits = ", ".join(sorted({named(file) for file in files}))
        raise UserError(f"data.split is {split!r}; expected one of {splits}, which {printable(root)} holds.")
    return found
