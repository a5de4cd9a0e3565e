"""A folder, or a tree of folders, of picture files."""

from __future__ import annotations

import os
import pathlib
import threading
from collections.abc import Sequence

import numpy as np
from PIL import Image

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.data import identity
from jaxgan.data.canvas import Canvas, draw
from jaxgan.data.memory import CHUNK, InMemory
from jaxgan.data.workers import Workers

# Files with other endings (.txt, .DS_Store, ...) are passed over without a word.
# fmt: off
EXTENSIONS = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga", ".jp2", ".avif", ".qoi",
))
# fmt: on

# Names that are splits rather than classes, for a hint.
SPLITS = {"train", "test", "val", "valid", "validation"}

# How many unreadable files a warning names.
NAMED = 5


class Folder:
    """Pictures in files, decoded as they are read.

    Every file with a known picture ending is taken, in all subfolders, in the order of their sorted paths;
    hidden files and folders are passed over. The first-level subfolders, sorted by name, are the classes
    0..K-1. Pictures directly in the folder have no class: if there are any, no picture has a label.

    Files whose header cannot be read are left out. A file that turns out to be damaged only when its pixels are
    decoded counts, and the next good one, in the order of the files, stands in for it with its label. So the number of
    pictures, and each of them, is the same however they are cached. `announce` or `load` says what was left out.

    Args:
      path: the folder.
      canvas: what each picture is turned into.
      workers: threads that decode.

    Attributes:
      info: shape, number of pictures and number of classes.
      files: paths of the N pictures.
      labels: int32[N].
      fingerprint: of the sorted names and sizes of the files.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ValueError: if it holds no readable picture, or may not be read.
    """

    def __init__(self, path: str, canvas: Canvas, workers: Workers):
        root = pathlib.Path(path).expanduser()
        if not path or not root.is_dir():
            raise FileNotFoundError(f"data.path is {path!r}, which is no folder; expected a folder of pictures.")
        self._root, self._canvas, self._workers = root, canvas, workers
        self._lock, self._replaced = threading.Lock(), False
        found = list_pictures(root)
        sizes = self._check_headers(found)
        self.files = [file for file, size in zip(found, sizes, strict=True) if size]
        self._left_out = [file for file, size in zip(found, sizes, strict=True) if not size]
        if not self.files:
            raise self._hopeless(self._left_out)
        self.labels, num_classes = label_by_folder(self.files, root)
        self.info = DataInfo(canvas.shape, len(self.files), num_classes)
        names = (pathlib.Path(file).relative_to(root).as_posix() for file in self.files)
        facts = (f"{name}\0{size}" for name, size in zip(names, sizes[sizes > 0], strict=True))
        self.fingerprint = identity.digest("folder", os.fsencode("\0".join(facts)))

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode some pictures in parallel.

        Args:
          indices: int64[n], each in 0..N-1.

        Returns:
          uint8[n, H, W, C] pictures and int32[n] labels.
        """
        rows = np.array(indices, np.int64)
        images = np.empty((len(rows), *self._canvas.shape), np.uint8)
        for bad in np.flatnonzero(~self._decode(rows, images)):
            images[bad], rows[bad] = self._next_good(int(rows[bad]))
        return images, self.labels[rows]

    def load(self) -> InMemory:
        """Decode every picture once into memory, and say what was left out or is damaged.

        Raises:
          ValueError: if all of them are damaged.
        """
        images = np.empty((len(self.files), *self._canvas.shape), np.uint8)
        good = np.zeros(len(self.files), np.bool_)
        for start in range(0, len(self.files), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(self.files)))
            good[rows] = self._decode(rows, images[start : start + CHUNK])
        sound, damaged = np.flatnonzero(good), np.flatnonzero(~good)
        if not sound.size:
            raise self._hopeless(self._left_out + self.files)
        labels = self.labels.copy()
        for row, other in zip(damaged, sound[np.searchsorted(sound, damaged) % len(sound)], strict=True):
            images[row], labels[row] = images[other], labels[other]
        self.announce([self.files[row] for row in damaged])
        return InMemory(images, labels, self.info.num_classes, self.fingerprint)

    def announce(self, damaged: Sequence[str] = ()) -> None:
        """Say in one line which files were left out, and which of the others are known to be damaged."""
        parts = []
        if self._left_out:
            parts.append(f"{len(self._left_out)} cannot be read and are left out ({_few(self._left_out)})")
        if damaged:
            parts.append(f"{len(damaged)} are damaged and the next good picture stands in ({_few(damaged)})")
        if parts:
            terminal.say(f"Of the pictures in {self._root}, {'; '.join(parts)}.")

    def _decode(self, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Decode files into images[n, H, W, C], and return which of them were good, bool[n]."""
        good = np.zeros(len(rows), np.bool_)

        def piece(start: int, stop: int) -> None:
            for i in range(start, stop):
                pixels = decode(self.files[rows[i]], self._canvas)
                if pixels is not None:
                    images[i], good[i] = pixels, True

        self._workers.run(piece, len(rows))
        return good

    def _next_good(self, row: int) -> tuple[np.ndarray, int]:
        with self._lock:
            first, self._replaced = not self._replaced, True
        if first:
            terminal.say(
                f"{self.files[row]} is damaged; the next good picture stands in for it, and for others like it "
                "from now on."
            )
        for other in (*range(row + 1, len(self.files)), *range(row)):
            pixels = decode(self.files[other], self._canvas)
            if pixels is not None:
                return pixels, other
        raise UserError(f"No picture in {self._root} can be decoded any more; check that its files are still there.")

    def _check_headers(self, files: list[str]) -> np.ndarray:
        """Return the size of each file in bytes, int64[n]; 0 where it has no header of a picture."""
        sizes = np.zeros(len(files), np.int64)

        def piece(start: int, stop: int) -> None:
            for i in range(start, stop):
                if has_header(files[i]):
                    sizes[i] = os.stat(files[i]).st_size

        self._workers.run(piece, len(files))
        return sizes

    def _hopeless(self, bad: Sequence[str]) -> UserError:
        return UserError(f"None of the {len(bad)} pictures in {self._root} can be read: {_few(bad)}; replace them.")


def _few(files: Sequence[str]) -> str:
    return ", ".join(files[:NAMED]) + (", ..." if len(files) > NAMED else "")


def list_pictures(root: pathlib.Path) -> list[str]:
    """Return the paths of all picture files in a tree, sorted.

    Raises:
      ValueError: if there are none, or a folder may not be read.
    """

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename} cannot be read ({error.strerror}); check its permissions.") from error

    found, seen = [], set()
    for folder, subfolders, names in os.walk(root, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link back up the tree
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not name.startswith(".") and name != "__MACOSX")
        pictures = (name for name in names if os.path.splitext(name)[1].lower() in EXTENSIONS)
        found += [os.path.join(folder, name) for name in pictures if not name.startswith(".")]
    if not found:
        raise UserError(
            f"{root} holds no pictures; expected files such as .png, .jpg or .webp in it or its subfolders."
        )
    return sorted(found, key=lambda file: pathlib.Path(file).relative_to(root).parts)


def label_by_folder(files: list[str], root: pathlib.Path) -> tuple[np.ndarray, int | None]:
    """Return int32[N] labels by first-level subfolder and their number K, or zeros and None."""
    parts = [pathlib.Path(file).relative_to(root).parts for file in files]
    names = sorted({p[0] for p in parts if len(p) > 1})
    loose = sum(len(p) == 1 for p in parts)
    if loose:
        if names:
            terminal.say(
                f"{root} holds {loose} pictures beside its subfolders, which have no class: no picture gets a label."
            )
        return np.zeros(len(files), np.int32), None
    if len(names) > 1 and SPLITS.issuperset(name.lower() for name in names):
        terminal.say(f"{', '.join(names)} are taken as classes; for one of them alone set data.path to that subfolder.")
    number = {name: label for label, name in enumerate(names)}
    return np.array([number[p[0]] for p in parts], np.int32), len(names)


def has_header(file: str) -> bool:
    """Return whether Pillow knows the file's format; its pixels are not decoded."""
    try:
        with Image.open(file):
            return True
    except Exception:  # decoders raise about anything on damaged files
        return False


def decode(file: str, canvas: Canvas) -> np.ndarray | None:
    """Decode a file to uint8[H, W, C], or return None where it is damaged."""
    try:
        with Image.open(file) as image:
            return draw(image, canvas)
    except Exception:  # decoders raise about anything on damaged files
        return None
