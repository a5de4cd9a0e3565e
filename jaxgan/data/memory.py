"""Pictures held in memory, and the decision what to hold there."""

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

# `auto` puts at most this much on the device (MNIST takes 45 MiB, 64x64 colour pictures 87,000 a GiB) ...
DEVICE_BYTES = 2**30
# ... and at most this part of the machine's memory on the host, so that other programs keep room.
HOST_FRACTION = 0.25

# Batches are read ahead, and become float32 pixels and feature maps many times as large.
BATCH_FRACTION = 0.1

# Pictures read at a time while a cache is filled.
CHUNK = 1024


class InMemory:
    """A source that holds all its pictures.

    Attributes:
      info: shape, number of pictures and number of classes.
      images: uint8[N, H, W, C].
      labels: int32[N], zeros where `info.num_classes` is None.
      fingerprint: given, or made of shape, labels and pixels (`identity.of_arrays`).
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None,
        num_classes: int | None,
        fingerprint: str | None = None,
    ):
        num_images, height, width, channels = images.shape
        self.info = DataInfo((height, width, channels), num_images, num_classes)
        self.images = images
        self.labels = np.zeros(num_images, np.int32) if labels is None else labels
        self._fingerprint = fingerprint

    @functools.cached_property
    def fingerprint(self) -> str:
        """What the data turned out to be, 32 hexadecimal digits."""
        return self._fingerprint or identity.of_arrays(self.images, self.labels)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gather uint8[n, H, W, C] pictures and int32[n] labels."""
        return self.images[indices], self.labels[indices]


class Skip:
    """A source without its first pictures."""

    def __init__(self, source: Source, first: int):
        self._source = source
        self._first = first
        self.info = dataclasses.replace(source.info, num_images=source.info.num_images - first)
        self.fingerprint = identity.derived(source, "skip", first)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read pictures and labels, counting from the first one that is left."""
        indices = np.asarray(indices)
        if indices.size and not 0 <= indices.min() <= indices.max() < self.info.num_images:
            raise IndexError(f"Picture indices must lie in 0..{self.info.num_images - 1}.")
        return self._source.read(indices + self._first)


def skip(source: Source, first: int) -> Source:
    """Leave out the first pictures of a source.

    Args:
      source: any source.
      first: how many to leave out, from 0 to N - 1.

    Raises:
      ValueError: if no picture would be left.
    """
    num_images = source.info.num_images
    if not 0 <= first < num_images:
        raise UserError(f"data.skip is {first}, but the data set has {num_images} pictures; keep at least one.")
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
    """Decide where the pictures live: on the device, in the host's memory, or in their files.

    Args:
      config_data: the data section of a config; only `cache` is read. 'auto' means 'device' up to
        DEVICE_BYTES of pixels (and half the memory), 'host' up to HOST_FRACTION of the memory, 'none' above.
      info: shape and number of the pictures.
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
            f"data.cache is {config_data.cache!r}, but the pictures take {needed / 2**30:.1f} GiB and this "
            f"machine has {memory / 2**30:.1f} GiB of memory; set data.cache to 'none' or 'auto'."
        )
    return config_data.cache


def check_batch(batch_size: int, info: DataInfo, memory_limit: int | None = None) -> None:
    """Raise ValueError if the pixels of one batch, as bytes, take more than BATCH_FRACTION of the host's memory."""
    memory = host_memory() if memory_limit is None else memory_limit
    needed = batch_size * math.prod(info.image_shape)
    if needed > BATCH_FRACTION * memory:
        raise UserError(
            f"data.batch_size is {batch_size}, whose pictures of {' x '.join(map(str, info.image_shape))} bytes take "
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
