"""Images held in memory, and the decision what to hold there."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo, Source
from jaxgan.data import identity
from jaxgan.data.label_values import table_of
from jaxgan.data.limits import host_memory
from jaxgan.data.rows import parts
from jaxgan.data.validation import check_any, check_images, check_names

CACHES = ("auto", "device", "host", "none")

# `auto` puts at most this much on the device (MNIST takes 45 MiB, 64x64 colour images 87,000 a GiB) ...
DEVICE_BYTES = 2**30
# ... and at most this part of the machine's memory on the host, so that other programs keep room.
HOST_FRACTION = 0.25

# Images read at a time while a cache is filled.
CHUNK = 1024


class InMemory:
    """A source that holds all its images; for training from your own arrays.

    Args:
      images: uint8[N, H, W, C], not copied; or uint16 with `levels`.
      labels: integers [N] in 0..K-1; floats [N, L], label vectors; or None (or zeros) where the images have no labels.
      num_classes: K, or None likewise, and for vectors.
      fingerprint: what the data are, where that is known; otherwise it is made from the arrays.
      label_names: of the classes, or of the L numbers of a vector.
      levels: see `DataInfo`.

    Attributes:
      info: shape, number of images, and what is known of the labels.
      images: as given.
      labels: int32[N], zeros where the images have no labels; or float32[N, L].
      fingerprint: given, or made of shape, labels and pixels (`identity.of_arrays`).

    Raises:
      ValueError: if an array has another type, rank or range.
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None = None,
        num_classes: int | None = None,
        fingerprint: str | None = None,
        *,
        label_names: Sequence[str] = (),
        levels: tuple[float, float] | None = None,
    ):
        self.images: np.ndarray = check_images(images, levels)
        num_images, *shape = self.images.shape
        vectors = num_classes is None and np.ndim(labels) == 2  # type: ignore[arg-type]
        size = np.shape(labels)[1] if vectors else 0  # type: ignore[arg-type]
        self.info: DataInfo = DataInfo(tuple(shape), num_images, num_classes, size, tuple(label_names), levels)
        self.labels: np.ndarray = check_any(labels, num_images, self.info)
        self.info = dataclasses.replace(self.info, label_table=table_of(self.labels))
        check_names(self.info)
        self._fingerprint = fingerprint

    @functools.cached_property
    def fingerprint(self) -> str:
        """What the data turned out to be, 32 hexadecimal digits."""
        return self._fingerprint or identity.of_arrays(self.images, self.labels)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gather images and labels."""
        return self.images[indices], self.labels[indices]


def like(info: DataInfo, images: np.ndarray, labels: np.ndarray, fingerprint: str | None = None) -> InMemory:
    """Return a source of arrays that belong to a data set of which `info` has all but the number of images."""
    names = {"label_names": info.label_names, "levels": info.levels}
    return InMemory(images, labels if info.has_labels else None, info.num_classes, fingerprint, **names)


def in_memory(source: Source) -> InMemory:
    """Read a whole source once, chunk by chunk, into one array; or by its own `load`, where it has one."""
    if isinstance(source, InMemory):
        return source
    if load := getattr(source, "load", None):
        return load()
    num_images = source.info.num_images
    images = np.empty((num_images, *source.info.image_shape), source.info.pixel_dtype)
    labels = np.empty((num_images, *source.info.label.shape), source.info.label.dtype)
    for rows in parts(num_images, CHUNK):
        images[rows], labels[rows] = source.read(rows)
    return like(source.info, images, labels, identity.fingerprint(source))


def resolve_cache(config_data: Any, info: DataInfo) -> str:
    """Decide where the images live: on the device, in the host's memory, or in their files.

    Args:
      config_data: the data section of a config; only `cache` is read. 'auto' means 'device' up to
        DEVICE_BYTES of pixels (and half the memory), 'host' up to HOST_FRACTION of the memory, 'none' above.
      info: shape and number of the images.

    Returns:
      'device', 'host' or 'none'.

    Raises:
      ValueError: if `cache` is unknown, or asks for more memory than the machine has.
    """
    checks.one_of("data.cache", config_data.cache, CACHES)
    memory = host_memory()
    needed = info.num_images * info.image_bytes
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
