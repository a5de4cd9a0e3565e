"""Images held in memory, and the decision what to hold there."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import pathlib
from typing import Any

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo, Source
from jaxgan.data import identity

CACHES = ("auto", "device", "host", "none")

# `auto` puts at most this much on the device (MNIST takes 45 MiB, 64x64 colour images 87,000 a GiB) ...
DEVICE_BYTES = 2**30
# ... and at most this part of the machine's memory on the host, so that other programs keep room.
HOST_FRACTION = 0.25

# Batches are read ahead, and become float32 pixels and feature maps many times as large.
BATCH_FRACTION = 0.1

# Images read at a time while a cache is filled.
CHUNK = 1024


class InMemory:
    """A source that holds all its images; the way to learn from arrays of one's own.

    Args:
      images: uint8[N, H, W, C], C = 1 or 3, not copied.
      labels: integers [N] in 0..K-1, or None (or zeros) where the images have no labels.
      num_classes: K, or None likewise.
      fingerprint: what the data are, where that is known; otherwise it is made from the arrays.

    Attributes:
      info: shape, number of images and number of classes.
      images: uint8[N, H, W, C].
      labels: int32[N], zeros where `info.num_classes` is None.
      fingerprint: given, or made of shape, labels and pixels (`identity.of_arrays`).

    Raises:
      ValueError: if an array has another type, rank or range.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None,
        num_classes: int | None,
        fingerprint: str | None = None,
    ):
        self.images: np.ndarray = check_images(images)
        num_images, height, width, channels = self.images.shape
        self.labels: np.ndarray = check_labels(labels, num_images, num_classes)
        self.info: DataInfo = DataInfo((height, width, channels), num_images, num_classes)
        self._fingerprint = fingerprint

    @functools.cached_property
    def fingerprint(self) -> str:
        """What the data turned out to be, 32 hexadecimal digits."""
        return self._fingerprint or identity.of_arrays(self.images, self.labels)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gather uint8[n, H, W, C] images and int32[n] labels."""
        return self.images[indices], self.labels[indices]


def check_images(images: np.ndarray) -> np.ndarray:
    """Return images as numpy's uint8[N, H, W, C], or raise ValueError where they are something else."""
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise UserError(
            f"images are {images.dtype}; expected uint8 pixels from 0 to 255, so convert them, of pixels in [-1, 1] by "
            "jaxgan.to_uint8(images)."
        )
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UserError(
            f"images have the shape {images.shape}; expected [N, H, W, C] with C = 1 or 3; grey images get a last "
            "axis by images[..., None]."
        )
    if not images.size:
        raise UserError(f"images have the shape {images.shape}, which is empty; expected at least one image.")
    return images


def check_labels(labels: np.ndarray | None, num_images: int, num_classes: int | None) -> np.ndarray:
    """Return labels as int32[N], zeros where there are none, or raise ValueError where they do not fit."""
    if num_classes is not None and num_classes < 1:
        raise UserError(f"num_classes is {num_classes}; expected at least 1, or None where there are no labels.")
    if (labels is None and num_classes is not None) or (num_classes is None and labels is not None and np.any(labels)):
        raise UserError(
            f"labels are {'not ' * (labels is None)}given and num_classes is {num_classes}; expected both, or None for "
            "both where the images have no labels."
        )
    if labels is None or num_classes is None:
        return np.zeros(num_images, np.int32)
    labels = np.asarray(labels)
    if labels.shape != (num_images,) or labels.dtype.kind not in "iu":
        raise UserError(
            f"labels are {labels.dtype} of the shape {labels.shape}; expected integers of the shape ({num_images},), "
            "one for each image."
        )
    low, high = int(labels.min()), int(labels.max())
    if not 0 <= low <= high < num_classes:
        raise UserError(
            f"labels run from {low} to {high} and num_classes is {num_classes}; expected labels from 0 to "
            f"{num_classes - 1}."
        )
    return labels.astype(np.int32, copy=False)


class Skip:
    """A source without its first images."""

    def __init__(self, source: Source, first: int):
        self._source = source
        self._first = first
        self.info = dataclasses.replace(source.info, num_images=source.info.num_images - first)
        self.fingerprint = identity.derived(source, "skip", first)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read images and labels, counting from the first one that is left."""
        indices = np.asarray(indices)
        if indices.size and not 0 <= indices.min() <= indices.max() < self.info.num_images:
            raise IndexError(f"Image indices must lie in 0..{self.info.num_images - 1}.")
        return self._source.read(indices + self._first)


def skip(source: Source, first: int) -> Source:
    """Leave out the first images of a source.

    Args:
      source: any source.
      first: how many to leave out, from 0 to N - 1.

    Raises:
      ValueError: if no image would be left.
    """
    num_images = source.info.num_images
    if not 0 <= first < num_images:
        raise UserError(
            f"data.skip is {first}, but the data set has {num_images} images, so that none is left; set "
            "config.data.skip to 0, or to less than that."
        )
    if first == 0:
        return source
    if isinstance(source, InMemory):
        fingerprint = identity.derived(source, "skip", first)
        return InMemory(source.images[first:], source.labels[first:], source.info.num_classes, fingerprint)
    return Skip(source, first)


def in_memory(source: Source) -> InMemory:
    """Read a whole source once, chunk by chunk, into one array."""
    if isinstance(source, InMemory):
        return source
    num_images = source.info.num_images
    images = np.empty((num_images, *source.info.image_shape), np.uint8)
    labels = np.empty(num_images, np.int32)
    for start in range(0, num_images, CHUNK):
        rows = np.arange(start, min(start + CHUNK, num_images))
        images[rows[0] : rows[-1] + 1], labels[rows[0] : rows[-1] + 1] = source.read(rows)
    return InMemory(images, labels, source.info.num_classes, identity.fingerprint(source))


def resolve_cache(config_data: Any, info: DataInfo, memory_limit: int | None = None) -> str:
    """Decide where the images live: on the device, in the host's memory, or in their files.

    Args:
      config_data: the data section of a config; only `cache` is read. 'auto' means 'device' up to
        DEVICE_BYTES of pixels (and half the memory), 'host' up to HOST_FRACTION of the memory, 'none' above.
      info: shape and number of the images.
      memory_limit: the host's memory in bytes; measured where not given.

    Returns:
      'device', 'host' or 'none'.

    Raises:
      ValueError: if `cache` is unknown, or asks for more memory than the machine has.
    """
    checks.one_of("data.cache", config_data.cache, CACHES)
    memory = host_memory() if memory_limit is None else memory_limit
    needed = info.num_images * math.prod(info.image_shape)
    if config_data.cache == "auto":
        if needed <= min(DEVICE_BYTES, memory // 2):
            return "device"
        return "host" if needed <= HOST_FRACTION * memory else "none"
    if config_data.cache != "none" and needed > memory:
        raise UserError(
            f"data.cache is {config_data.cache!r}, but the images take {needed / 2**30:.1f} GiB and this "
            f"machine has {memory / 2**30:.1f} GiB of memory; set data.cache to 'none' or 'auto'."
        )
    return config_data.cache


def check_batch(batch_size: int, info: DataInfo, memory_limit: int | None = None) -> None:
    """Raise ValueError if the pixels of one batch, as bytes, take more than BATCH_FRACTION of the host's memory."""
    memory = host_memory() if memory_limit is None else memory_limit
    needed = batch_size * math.prod(info.image_shape)
    if needed > BATCH_FRACTION * memory:
        raise UserError(
            f"data.batch_size is {batch_size}, whose images of {' x '.join(map(str, info.image_shape))} bytes take "
            f"{needed / 2**30:.1f} GiB, and this machine has {memory / 2**30:.1f} GiB of memory; set data.batch_size "
            f"to {int(BATCH_FRACTION * memory) // math.prod(info.image_shape)} or less."
        )


def host_memory() -> int:
    """Return the memory this process may use, in bytes: the machine's, or its container's if that is less."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        memory = 8 * 2**30  # a system that does not tell: assume a small machine
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            memory = min(memory, int(pathlib.Path(limit).read_text()))
        except (OSError, ValueError):
            continue  # no such control group, or "max": no limit
    return memory
