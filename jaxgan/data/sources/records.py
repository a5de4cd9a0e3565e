"""Images as they lie in a folder or a container, and the source that draws them."""

from __future__ import annotations

import dataclasses
import functools
import io
import re
import threading
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.data.images.canvas import Canvas, draw_array, say_squeezed
from jaxgan.data.images.decode import Look, decode_stream, inspect, is_too_large, open_image
from jaxgan.data.images.memory_budget import MAX_PIXELS, PIXELS
from jaxgan.data.images.threads import Workers
from jaxgan.data.label_values import table_of
from jaxgan.data.labels import Labels
from jaxgan.data.memory import CHUNK, InMemory, like
from jaxgan.data.rows import parts, spaced

# Images whose header is looked at, to tell their sizes; and whose values, of more than 8 bits.
SAMPLE, SAMPLE_OF_VALUES = 64, 8

# The scale of 16 bits, and values that are so small on it that another one must be meant.
FULL, DARK = 65535, 4096


class Records:
    """N images as they lie somewhere, encoded or as pixels.

    Attributes:
      what: the kind of container, for messages: 'StyleGAN zip'.
      place: where it lies, printable.
      labels: of the N images; None where they have none.
      fingerprint: of the content, 32 hexadecimal digits.
      channels: how many are asked for; a TIFF may have as many bands.
    """

    channels: int = 0
    what: str
    place: str
    labels: Labels | None = None
    fingerprint: str

    def __len__(self) -> int:
        """Return N."""
        raise NotImplementedError

    def raw(self, row: int) -> bytes | np.ndarray:
        """Return an image as it lies there: an encoded file, or pixels [H, W] or [H, W, C] of any type."""
        raise NotImplementedError

    def name(self, row: int) -> str:
        """Return what to call an image in a message."""
        return f"image {row}"

    def look(self, row: int) -> Look:
        """Return size and mode of an image; raises about any exception where it is damaged."""
        raw = self.raw(row)
        if isinstance(raw, bytes):
            return looked(io.BytesIO(raw), self.channels)
        channels = raw.shape[2] if raw.ndim == 3 else 1
        mode = {1: "L", 3: "RGB", 4: "RGBA"}.get(channels, f"{channels} channels")
        return Look(raw.shape[0], raw.shape[1], mode if raw.dtype == np.uint8 else f"{mode} {raw.dtype}")

    def pixels(self, row: int, canvas: Canvas) -> np.ndarray | None:
        """Return an image for a canvas, or None where its content is damaged or too large."""
        raw = self.raw(row)
        try:
            if isinstance(raw, bytes):
                return decode_stream(io.BytesIO(raw), canvas)
            with PIXELS.take(raw.shape[0] * raw.shape[1]):
                return draw_array(raw, canvas)
        except UserError as error:
            raise UserError(f"{self.name(row)} in {self.place}: {error}") from None
        except Exception:  # decoders raise about anything on damaged files
            return None

    def left_out(self) -> str:
        """Return what is left out as a sentence, or nothing."""
        return ""

    @functools.cached_property
    def looks(self) -> list[Look]:
        """Sizes and modes of evenly spaced images, whose headers are read once."""
        return looks(self, spaced(len(self), SAMPLE))

    def animations(self) -> tuple[int, int]:
        """Return how many images are animations, and of how many that were looked at."""
        return sum(one.is_animated for one in self.looks), len(self.looks)

    def highest(self, row: int) -> int:
        """Return the greatest value of an image of whole numbers of more than 8 bits, 65535 for others."""
        raw = self.raw(row)
        if isinstance(raw, bytes):
            with open_image(io.BytesIO(raw)) as image:
                return int(np.max(np.asarray(image))) if image.mode.startswith("I") else FULL
        return int(raw.max()) if raw.dtype.kind in "iu" and raw.dtype != np.uint8 else FULL

    def sizes(self) -> np.ndarray:
        """Return int[n, 2], height and width of the images, of those that were looked at."""
        return np.array([(one.height, one.width) for one in self.looks], np.int64).reshape(-1, 2)


class Arrays(Records):
    """Images of one shape, as one array in memory or in a file that is mapped.

    Args:
      what: the kind of container.
      place: where it lies, printable.
      images: [N, H, W, C] of any type.
      labels: of the N images.
      fingerprint: of the content; None: of shape, labels and pixels.
    """

    def __init__(self, what: str, place: str, images: np.ndarray, labels: Labels | None, fingerprint: str):
        if images.ndim != 4 or not images.size:
            raise UserError(f"{place} has the shape {images.shape}; expected images [N, H, W] or [N, H, W, C], N > 0.")
        if is_too_large(images.shape[2], images.shape[1]):
            raise UserError(f"{place} has images of {images.shape[1:]}; expected at most {MAX_PIXELS:,} pixels each.")
        if labels is not None and len(labels.values) != len(images):
            raise UserError(f"{place} has {len(labels.values):,} labels for {len(images):,} images; expected as many.")
        self.what, self.place, self.images, self.labels, self.fingerprint = what, place, images, labels, fingerprint

    def __len__(self) -> int:
        return len(self.images)

    def raw(self, row: int) -> np.ndarray:
        """Return pixels [H, W, C]."""
        return np.asarray(self.images[row])


class Drawn:
    """Records, each drawn on a canvas as it is read.

    An image whose content turns out to be damaged counts, and the next good one, in the order of the records, stands in
    for it with its label. So the number of images, and each of them, is the same however they are cached.

    Args:
      records: the images.
      canvas: what each image is turned into.
      workers: threads that decode.

    Attributes:
      info: shape, number of images, and what is known of the labels.
      records: the images as they lie there.
      labels: int32[N] classes, or float32[N, L] vectors; zeros without labels.
      fingerprint: of the records.
    """

    def __init__(self, records: Records, canvas: Canvas, workers: Workers):
        records.channels = canvas.channels
        self._sizes = records.sizes()
        canvas = canvas.taking(self._sizes.tolist() or [canvas.sides], f"images in {records.place}")
        self.records, self._canvas, self._workers = records, canvas, workers
        self._lock, self._told, self._damaged = threading.Lock(), False, set[int]()
        self.info = dataclasses.replace(canvas.info, num_images=len(records))
        self.labels, labels = np.zeros(len(records), np.int32), records.labels
        if labels is not None:
            vectors, names = labels.num_classes is None, labels.names
            self.info = dataclasses.replace(
                self.info,
                num_classes=labels.num_classes,
                label_size=len(names) if vectors else 0,
                label_names=() if names == tuple(map(str, range(len(names)))) else names,
                label_table=table_of(labels.values),
            )
            self.labels = labels.values
        self.fingerprint = records.fingerprint
        whole = records.images if isinstance(records, Arrays) and canvas.levels is None else None
        is_right = whole is not None and whole.dtype == np.uint8 and whole.shape[1:] == canvas.shape
        self._as_they_are = whole if is_right else None

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Decode some images in parallel.

        Args:
          indices: int64[n], each in 0..N-1.

        Returns:
          uint8[n, H, W, C] images, or uint16 with levels; int32[n] labels, or float32[n, L].
        """
        if self._as_they_are is not None:
            return self._as_they_are[indices], self.labels[indices]
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
        if self._as_they_are is not None:
            return like(self.info, self._as_they_are, self.labels, self.fingerprint)
        count = len(self.records)
        images = np.empty((count, *self._canvas.shape), self.info.pixel_dtype)
        good = np.zeros(count, np.bool_)
        for rows in parts(count, CHUNK):
            good[rows] = self._decode(rows, images[rows[0] : rows[-1] + 1])
        sound, damaged = np.flatnonzero(good), np.flatnonzero(~good)
        if not sound.size:
            raise UserError(f"Every image in {self.records.place} is damaged: {self._few(range(count))}; replace them.")
        labels = self.labels.copy()
        for row, other in zip(damaged, sound[np.searchsorted(sound, damaged) % len(sound)], strict=True):
            images[row], labels[row] = images[other], labels[other]
        return like(self.info, images, labels, self.fingerprint)

    def announce(self) -> None:
        """Report what is left out, known to be damaged, or loses its shape."""
        lines, damaged = [self.records.left_out()], sorted(self._damaged)
        if damaged:
            lines.append(f"Damaged, so that the next good image stands in: {len(damaged)} ({self._few(damaged)}).")
        if text := " ".join(filter(None, lines)):
            terminal.say(text)
        (animated, looked_at), place = self.records.animations(), self.records.place
        if animated:
            terminal.say(f"{animated:,} of {looked_at:,} images in {place} are animations, whose first frame is taken.")
        if self._canvas.levels is None and (highest := self._highest()) < DARK:
            terminal.say(
                f"The images of more than 8 bits in {place} that were looked at have values up to "
                f"{highest}, and 0 to {FULL} is black to white; --config.data.levels=auto measures their own scale."
            )
        say_squeezed(self._canvas, self._sizes, f"images in {place}")

    def _highest(self) -> int:
        """Return the greatest value of some images, 65535 where one is of 8 bits or of floats."""
        found = []
        for row in map(int, spaced(len(self.records), SAMPLE_OF_VALUES)):
            try:
                found.append(self.records.highest(row))
            except UserError:
                raise
            except Exception:  # decoders raise about anything on damaged files
                continue
        return max(found, default=FULL)

    def _decode(self, rows: np.ndarray, images: np.ndarray) -> np.ndarray:
        """Decode records into images[n, H, W, C], and return which of them were good, bool[n]."""
        good = np.zeros(len(rows), np.bool_)

        def one(i: int) -> None:
            pixels = self._decode_one(int(rows[i]))
            if pixels is not None:
                images[i], good[i] = pixels, True

        self._workers.run(one, len(rows))
        return good

    def _decode_one(self, row: int) -> np.ndarray | None:
        if row in self._damaged:
            return None
        pixels = self.records.pixels(row, self._canvas)
        if pixels is None:
            self._damaged.add(row)
        return pixels

    def _next_good(self, row: int) -> tuple[np.ndarray, int]:
        with self._lock:
            first, self._told = not self._told, True
        if first:
            terminal.say(
                f"{self.records.name(row)} in {self.records.place} is damaged; the next good image stands in for it, "
                "and for others like it from now on."
            )
        for other in (*range(row + 1, len(self.records)), *range(row)):
            pixels = self._decode_one(other)
            if pixels is not None:
                return pixels, other
        raise UserError(f"No image in {self.records.place} can be decoded any more; check that its files are there.")

    def _few(self, rows) -> str:
        names = [self.records.name(row) for row in rows[:5]]
        return ", ".join([*names, "..."] if len(rows) > 5 else names)


def looked(stream: BinaryIO, channels: int) -> Look:
    """Return size and mode of an image file; raises about any exception where it is not to be decoded."""
    found = inspect(stream, channels)
    if isinstance(found, str):
        raise ValueError(found)
    return found


def looks(records: Records, rows: Iterable[int]) -> list[Look]:
    """Return the sizes and modes of some images, as far as they can be read."""
    found = []
    for row in map(int, rows):
        try:
            found.append(records.look(row))
        except UserError:
            raise
        except Exception:  # decoders raise about anything on damaged files
            continue
    return found


def described(records: Records) -> str:
    """Return what a container holds in one line: 'StyleGAN zip: 1,332 images 68x56 RGBA, 7 classes'."""
    found = records.looks
    sizes = {(one.height, one.width) for one in found}
    modes = sorted({re.sub(r"^L\b", "grey", one.mode) for one in found})
    size = "{}x{}".format(*next(iter(sizes))) if len(sizes) == 1 else f"of {len(sizes)} sizes or more"
    labels = records.labels
    if labels is None:
        classes = "no labels"
    elif labels.num_classes is None:
        classes = f"vectors of {len(labels.names)} numbers as labels"
    else:
        classes = f"{labels.num_classes:,} classes"
    return f"{records.what}: {len(records):,} images {size} {'/'.join(modes)}, {classes}"
