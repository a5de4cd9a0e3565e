"""A folder, or a tree of folders, of image files."""

from __future__ import annotations

import collections
import functools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from jaxgan.base import digests
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable, say
from jaxgan.data.images import tables
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.decode import Look, content_of, decode
from jaxgan.data.images.scan import scan
from jaxgan.data.images.threads import Workers
from jaxgan.data.images.tree import EXTENSIONS, OUTSIDE, SPECIAL, TOO_DEEP, few, relative
from jaxgan.data.sources.kind import Kind, existing_folder
from jaxgan.data.sources.records import SAMPLE, Drawn, Records, looked, looks

# What is left out for these reasons are no images; the folders of others are classes all the same.
NO_IMAGES = (SPECIAL, OUTSIDE, TOO_DEEP)

# Subfolders that are searched for tables.
MOST_HINTS = 100


class Files(Records):
    """Image files of a folder.

    Every file with a known image ending is taken, in all subfolders, in the order of their sorted paths. Hidden files,
    hidden folders and the folders of storage systems (`tree.NOT_CLASSES`) are skipped.

    Labels come from a table in the folder (`images.tables`), where there is one that gives any: then only the images
    that it lists are taken, in its order. Else the first-level subfolders are the classes 0..K-1: in numeric order
    where all names are numbers, else sorted as texts. A class keeps its number where none of its images can be read.
    Images directly in the folder have no class: if there are any, no image has a label.

    Left out are files whose header cannot be read, images of more than `MAX_PIXELS` or `MAX_SIDE`
    (`images.memory_budget`), what is no regular file, what lies below `tree.MAX_DEPTH` folders and, without
    `follow_links`, links that lead out of the folder. A file that cannot be read at all, after several tries, is an
    error.

    Args:
      path: the folder.
      workers: threads that read headers.
      follow_links: whether links may lead out of the folder.
      labels: columns of the table to take, joined by commas; empty: the one that can be meant.
      channels: how many are asked for; TIFF files of as many bands are read.

    Attributes:
      files: paths of the N images.
      fingerprint: of the sorted names and sizes of the files, and of labels from a table.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ValueError: if it holds no readable image, or may not be read.
    """

    def __init__(self, path: str, workers: Workers, *, follow_links: bool = False, labels: str = "", channels: int = 0):
        root = existing_folder(path, "of images")
        self._root, self.place, self.what = root, printable(root), "folder"
        self.channels = channels
        found = scan(root, workers, follow_links=follow_links, channels=channels)
        names, self._left_out = relative(found.files, root), found.left_out
        num_bytes, widths, heights, animated = found.headers.T
        beside = tables_in(root)
        unusable = [path for why, paths in found.left_out.paths.items() if why not in NO_IMAGES for path in paths]
        table = tables.labelled_anyhow(names, beside, labels, self.place, relative(unusable, root))
        rows, self.labels = table.rows, table.labels
        self._left_out.kinds -= collections.Counter(os.path.splitext(name)[1] for name in beside)
        if table.file:
            self.what = "StyleGAN folder" if table.file == tables.STYLEGAN else f"folder with {table.file}"
            kind, more = "folder with a table", (rows, "" if table.labels is None else table.labels.values)
        else:
            is_by_number = self.labels is not None and list(self.labels.names) != sorted(self.labels.names)
            kind, more = "folder by number" if is_by_number else "folder", ()
            self._hint_at_tables({name.partition(os.sep)[0] for name in names if os.sep in name})
        self.files = [found.files[row] for row in rows]
        self._sizes, self._animated = np.stack([heights, widths], axis=1)[rows], int(animated[rows].sum())
        facts = (f"{name}\0{size}\0" for name, size in zip(names, num_bytes, strict=True))
        self.fingerprint = digests.digest(kind, os.fsencode("".join(facts)), *more)

    def _hint_at_tables(self, subfolders: set[str]) -> None:
        """Say where a table lies that was not read: beside the images of a split, as datasets has them."""
        for name in sorted(subfolders)[:MOST_HINTS]:
            for file in tables_in(self._root / name):
                say(f"{printable(name)}/{file} in {self.place} is not read; set data.path to that subfolder for it.")
                return

    def __len__(self) -> int:
        return len(self.files)

    def raw(self, row: int) -> bytes:
        """Return the content of a file, up to MAX_BYTES."""
        return content_of(self.files[row])

    def name(self, row: int) -> str:
        """Return the name of a file in the folder."""
        return few([self.files[row]], self._root)

    def look(self, row: int) -> Look:
        """Return size and mode of an image, reading no more than its header."""
        with open_regular(self.files[row])[0] as stream:
            return looked(stream, self.channels)

    def pixels(self, row: int, canvas: Canvas) -> np.ndarray | None:
        """Return an image for a canvas, or None where its content is damaged or too large."""
        return decode(self.files[row], canvas)

    def left_out(self) -> str:
        """Return what is left out as a sentence, loudly where more images of other kinds are there than are read."""
        loud = "warning: " if self._left_out.convertible > len(self.files) else ""
        lines = [f"{loud}Left out of {self.place}: {self._left_out}."] if self._left_out else []
        tiffs = [row for row, file in enumerate(self.files) if file.lower().endswith((".tif", ".tiff"))][:SAMPLE]
        if count := [one.mode for one in looks(self, tiffs)].count("RGBA"):
            lines.append(f"{count} of {len(tiffs)} TIFF files looked at say that their fourth band is transparency.")
        return " ".join(lines)

    def animations(self) -> tuple[int, int]:
        """Return how many images are animations, and of how many."""
        return self._animated, len(self.files)

    def sizes(self) -> np.ndarray:
        """Return int64[N, 2], height and width of the images."""
        return self._sizes


def open_folder(path: str, canvas: Canvas, workers: Workers, *, follow_links: bool = False, labels: str = "") -> Drawn:
    """Return the files of a folder, each drawn on a canvas; see `Files` and `Drawn`."""
    files = Files(path, workers, follow_links=follow_links, labels=labels, channels=canvas.channels)
    return Drawn(files, canvas, workers)


def tables_in(root: Path) -> dict[str, Callable[[], bytes]]:
    """Return the tables of labels in a folder, each with a function that reads it."""
    there = [name for name in tables.NAMES if (root / name).is_file()]
    return {name: functools.partial(content_of, str(root / name), tables.MAX_BYTES + 1) for name in there}


def finds(path: Path) -> bool:
    """Return whether a path is a folder with an image in it or in one of its subfolders."""
    if not path.is_dir():
        return False
    return any(os.path.splitext(name)[1].lower() in EXTENSIONS for _, _, names in os.walk(path) for name in names)


KIND = Kind(
    lambda c, canvas, workers: open_folder(c.path, canvas, workers, follow_links=c.follow_links, labels=c.labels),
    "needed",
    finds,
    "a folder of images, with classes as subfolders, or with dataset.json, metadata.csv, metadata.jsonl or labels.csv",
    has_splits=False,
)
