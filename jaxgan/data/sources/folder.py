"""A folder, or a tree of folders, of image files."""

from __future__ import annotations

import dataclasses
import os
import threading

import numpy as np

from jaxgan.base import digests, terminal
from jaxgan.base.checks import UserError
from jaxgan.data.images.canvas import Canvas, squeezed, squeezes
from jaxgan.data.images.decode import decode
from jaxgan.data.images.scan import scan
from jaxgan.data.images.threads import Workers
from jaxgan.data.images.tree import TOO_LARGE, UNREADABLE, few, label_by_folder, relative
from jaxgan.data.memory import CHUNK, InMemory, like
from jaxgan.data.sources.kind import Kind, existing_folder


class Folder:
    """Images in files, decoded as they are read.

    Every file with a known image ending is taken, in all subfolders, in the order of their sorted paths. Hidden files,
    hidden folders and the folders of storage systems (`tree.NOT_CLASSES`) are skipped. The first-level subfolders are
    the classes 0..K-1: in numeric order where all names are numbers, else sorted as texts. A class keeps its number
    where none of its images can be read. Images directly in the folder have no class: if there are any, no image has a
    label.

    Left out are files whose header cannot be read, images of more than `MAX_PIXELS` or `MAX_SIDE`
    (`images.memory_budget`), what is no regular file, what lies below `tree.MAX_DEPTH` folders and, without
    `follow_links`, links that lead out of the folder. A file whose content turns out to be damaged only when its pixels
    are decoded counts, and the next good one, in the order of the files, stands in for it with its label. So the number
    of images, and each of them, is the same however they are cached. `announce` reports what was left out. A file that
    cannot be read at all, after several tries, is an error.

    Args:
      path: the folder.
      canvas: what each image is turned into.
      workers: threads that decode.
      follow_links: whether links may lead out of the folder.

    Attributes:
      info: shape, number of images and number of classes.
      files: paths of the N images.
      labels: int32[N].
      fingerprint: of the sorted names and sizes of the files.

    Raises:
      FileNotFoundError: if the folder does not exist.
      ValueError: if it holds no readable image, or may not be read.
    """

    def __init__(self, path: str, canvas: Canvas, workers: Workers, *, follow_links: bool = False):
        root = existing_folder(path, "of images")
        self._root, self._name, self._workers = root, terminal.printable(root), workers
        self._lock, self._told, self._damaged = threading.Lock(), False, set[int]()
        found = scan(root, workers, follow_links=follow_links)
        self.files, self._left_out = found.files, found.left_out
        num_bytes, widths, heights = found.headers.T
        self._canvas = canvas.taking(zip(heights, widths, strict=True), f"images in {self._name}")
        self._squeezed = squeezes(self._canvas, widths, heights)
        unusable = [path for why in (UNREADABLE, TOO_LARGE) for path in found.left_out.paths.get(why, [])]
        self.labels, names, by_number = label_by_folder(self.files, root, unusable)
        classes = None if names is None else len(names)
        self.info = dataclasses.replace(
            self._canvas.info, num_images=len(self.files), num_classes=classes, label_names=tuple(names or ())
        )
        facts = (f"{name}\0{size}\0" for name, size in zip(relative(self.files, root), num_bytes, strict=True))
        kind = "folder by number" if by_number else "folder"
        self.fingerprint = digests.digest(kind, os.fsencode("".join(facts)))

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode some images in parallel.

        Args:
          indices: int64[n], each in 0..N-1.

        Returns:
          uint8[n, H, W, C] images and int32[n] labels.
        """
        rows = np.array(indices, np.int64)
        images = np.empty((len(rows), *self._canvas.shape), self.info.pixel_dtype)
        for bad in np.flatnonzero(~self._decode(rows, images)):
            images[bad], rows[bad] = self._next_good(int(rows[bad]))
        return images, self.labels[rows]

    def load(self) -> InMemory:
        """Decode every image once into memory.

        Raises:
          ValueError: if all of them are damaged.
        """
        images = np.empty((len(self.files), *self._canvas.shape), self.info.pixel_dtype)
        good = np.zeros(len(self.files), np.bool_)
        for start in range(0, len(self.files), CHUNK):
            rows = np.arange(start, min(start + CHUNK, len(self.files)))
            good[rows] = self._decode(rows, images[start : start + CHUNK])
        sound, damaged = np.flatnonzero(good), np.flatnonzero(~good)
        if not sound.size:
            raise UserError(f"Every image in {self._name} is damaged: {self._few(self.files)}; replace them.")
        labels = self.labels.copy()
        for row, other in zip(damaged, sound[np.searchsorted(sound, damaged) % len(sound)], strict=True):
            images[row], labels[row] = images[other], labels[other]
        return like(self.info, images, labels, self.fingerprint)

    def announce(self) -> None:
        """Say in one line what is left out or known to be damaged, and in another what loses its shape."""
        damaged = [self.files[row] for row in sorted(self._damaged)]
        loud = "warning: " if self._left_out.convertible > len(self.files) else ""
        lines = [f"{loud}Left out of {self._name}: {self._left_out}."] if self._left_out else []
        if damaged:
            lines.append(f"Damaged, so that the next good image stands in: {len(damaged)} ({self._few(damaged)}).")
        if lines:
            terminal.say(" ".join(lines))
        squeezed(self._canvas, self._squeezed, len(self.files), f"images in {self._name}")

    def _decode(self, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Decode files into images[n, H, W, C], and return which of them were good, bool[n]."""
        good = np.zeros(len(rows), np.bool_)

        def piece(start: int, stop: int) -> None:
            for i in range(start, stop):
                pixels = self._decode_one(int(rows[i]))
                if pixels is not None:
                    images[i], good[i] = pixels, True

        self._workers.run(piece, len(rows))
        return good

    def _decode_one(self, row: int) -> np.ndarray | None:
        if row in self._damaged:
            return None
        pixels = decode(self.files[row], self._canvas)
        if pixels is None:
            self._damaged.add(row)
        return pixels

    def _next_good(self, row: int) -> tuple[np.ndarray, int]:
        with self._lock:
            first, self._told = not self._told, True
        if first:
            terminal.say(
                f"{self._few([self.files[row]])} in {self._name} is damaged; the next good image stands in for it, "
                "and for others like it from now on."
            )
        for other in (*range(row + 1, len(self.files)), *range(row)):
            pixels = self._decode_one(other)
            if pixels is not None:
                return pixels, other
        raise UserError(f"No image in {self._name} can be decoded any more; check that its files are still there.")

    def _few(self, files: list[str]) -> str:
        return few(files, self._root)


KIND = Kind(
    lambda c, canvas, workers: Folder(c.path, canvas, workers, follow_links=c.follow_links),
    path="needed",
)
