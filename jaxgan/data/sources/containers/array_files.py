"""A folder of .npy files, each of one image or each of a batch, where their shapes leave no doubt which."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import numpy as np

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.images import tables
from jaxgan.data.labels import Labels, chosen
from jaxgan.data.sources.containers.npy import Members, as_images
from jaxgan.data.sources.containers.ranges import fingerprint
from jaxgan.data.sources.folder import tables_in
from jaxgan.data.sources.records import Records
from jaxgan.data.validation import MAX_CHANNELS

# Batches that stay mapped.
_OPEN = 64

# What data.labels calls the names of the files.
FILE = "file"

ADVICE = (
    "make one array of the images, as by numpy.save('images.npy', numpy.stack([numpy.load(file) for file in files])), "
    "and set data.path to it; its labels may lie beside it, in labels.npy"
)


class ArrayFiles(Records):
    """Images of several .npy files.

    One image a file: labels come from a table in the folder (`images.tables`), else the first-level subfolders are the
    classes. Batches: data.labels=file makes classes of the names of the files, else there are no labels.

    Args:
      path: the folder.
      files: those in it.
      c: the data section of a config; labels and channels are read.

    Raises:
      ValueError: one is damaged, or the shapes do not tell what they are.
    """

    def __init__(self, path: Path, files: list[Path], c: Config):
        self.place, self._root = printable(path), path
        if packed := [file for file in files if file.suffix.lower() != ".npy"]:
            raise UserError(
                f"{self.place} holds {len(files)} files of arrays, such as {printable(packed[0].name)}; set data.path "
                f"to the one with the images, or {ADVICE}."
            )
        files = sorted(files, key=lambda file: file.parts)
        shapes = [Members(file).read("").shape for file in files]
        self._layout = layout(shapes, c.channels, self.place)
        is_batch = self._layout.startswith("N")
        self._files, self._counts = files, [shape[0] if is_batch else 1 for shape in shapes]
        self.what = "batches in npy files" if is_batch else "npy files"
        self.labels = self._of_files(c.labels) if is_batch else self._of_images(c.labels)
        self._ends = np.cumsum(self._counts)
        self._array = functools.lru_cache(_OPEN)(self._read)
        values = "" if self.labels is None else self.labels.values
        used = os.fsencode("\0".join(map(self._name, self._files)))
        self.fingerprint = fingerprint("npy files", [files[0], files[-1]], self._layout, str(shapes), used, values)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def raw(self, row: int) -> np.ndarray:
        """Return pixels [H, W] or [H, W, C]."""
        number = int(np.searchsorted(self._ends, row, "right"))
        return self._array(number)[row - int(self._ends[number]) + self._counts[number]]

    def name(self, row: int) -> str:
        """Return the name of an image's file in the folder."""
        return printable(self._name(self._files[int(np.searchsorted(self._ends, row, "right"))]))

    def _name(self, file: Path) -> str:
        return file.relative_to(self._root).as_posix()

    def _read(self, number: int) -> np.ndarray:
        """Return the images of a file, [n, H, W] or [n, H, W, C]."""
        file = self._files[number]
        array = Members(file).read("")
        if not self._layout.startswith("N"):
            array = (np.moveaxis(array, 0, 2) if self._layout == "CHW" else array)[None]
        return as_images(array, printable(file))

    def _of_images(self, wanted: str) -> Labels | None:
        """Return the labels of files of one image, and keep those that a table lists, in its order."""
        names = [self._name(file) for file in self._files]
        found = tables.labelled_anyhow(names, tables_in(self._root), wanted, self.place)
        self._files, self._counts = [self._files[row] for row in found.rows], [1] * len(found.rows)
        return found.labels

    def _of_files(self, wanted: str) -> Labels | None:
        if not wanted:
            terminal.say(f"Images of {self.place} get no labels; --config.data.labels=file takes their files' names.")
            return None
        names = [stem for file, count in zip(self._files, self._counts, strict=True) for stem in [file.stem] * count]
        return chosen({FILE: names}, wanted, self.place)


def layout(shapes: list[tuple[int, ...]], channels: int, place: str) -> str:
    """Return what the axes of arrays are: HW, HWC or CHW of one image each, N... of batches.

    Args:
      shapes: of the arrays.
      channels: how many are asked for.
      place: where they lie, printable.

    Raises:
      ValueError: they have several numbers of axes, or could be more than one of these.
    """
    found = {len(shape) for shape in shapes}
    varies = len({shape[0] for shape in shapes}) > 1 and len({shape[1:] for shape in shapes}) == 1
    if found == {4}:
        return "N..."
    if found == {2}:
        if all(_is_square(width) and height != width for height, width in shapes):  # perhaps rows of square images
            if varies:
                return "NP"
        else:
            return "HW"
    if found == {3}:
        firsts, lasts = {shape[0] for shape in shapes}, {shape[2] for shape in shapes}
        is_last, is_first = lasts <= {1, 2, 3, 4} or lasts == {channels}, firsts == {1} or firsts == {channels} != {1}
        if is_last != is_first:
            return "HWC" if is_last else "CHW"
        is_square = all(shape[1] == shape[2] for shape in shapes)
        if not is_last and is_square and (varies or min(firsts) > MAX_CHANNELS):
            return "NHW"
    examples = ", ".join("x".join(map(str, shape)) for shape in list(dict.fromkeys(shapes))[:3])
    raise UserError(
        f"{place} holds {len(shapes)} .npy files of the shapes {examples}, which may be one image each or batches (or "
        f"data.channels={channels} is not theirs); {ADVICE}."
    )


def _is_square(number: int) -> bool:
    """Return whether so many values may be those of a square image."""
    return number >= 64 and round(number**0.5) ** 2 == number
