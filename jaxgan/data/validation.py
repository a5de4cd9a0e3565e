"""What is refused of a data set: images, labels, batches, and whatever `source=` returns."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from jaxgan.base.checks import UserError, brief
from jaxgan.base.settings import check_plain
from jaxgan.base.types import DataInfo, Source
from jaxgan.data import identity
from jaxgan.data.label_values import TABLE, as_table
from jaxgan.data.limits import host_memory
from jaxgan.data.rows import spaced

# Batches are read ahead, and become float32 pixels and feature maps many times as large.
BATCH_FRACTION = 0.1

# Images of a custom source that are read before a run begins.
TRIED = 16


# Channels of an image; more come from axes in another order.
MAX_CHANNELS = 64


def check_images(images: np.ndarray, levels: tuple[float, float] | None = None) -> np.ndarray:
    """Return images as NumPy's uint8[N, H, W, C], with `levels` uint16, or raise ValueError where they are not."""
    images = np.asarray(images)
    if levels is not None and images.dtype != np.uint16:
        raise UserError(f"images are {images.dtype} with levels {levels}; expected uint16, 0 for low, 65535 for high.")
    if levels is None and images.dtype != np.uint8:
        raise UserError(
            f"images are {images.dtype}; expected uint8 pixels from 0 to 255, so convert them, of pixels in [-1, 1] by "
            "jaxgan.to_uint8(images); or uint16 with levels=(low, high)."
        )
    if images.ndim != 4 or not 1 <= images.shape[-1] <= MAX_CHANNELS:
        raise UserError(
            f"images have the shape {images.shape}; expected [N, H, W, C] with C from 1 to {MAX_CHANNELS}; grey images "
            "get a last axis by images[..., None]."
        )
    if images.shape[1] <= 4 < images.shape[-1]:
        raise UserError(f"images have the shape {images.shape}, as of [N, C, H, W]; give images.transpose(0, 2, 3, 1).")
    if not images.size:
        raise UserError(f"images have the shape {images.shape}, which is empty; expected at least one image.")
    return images


def check_vectors(labels: np.ndarray | None, num_images: int, label_size: int) -> np.ndarray:
    """Return label vectors as float32[N, L], or raise ValueError where they are something else or not finite."""
    labels = np.asarray(labels)
    if labels.shape != (num_images, label_size) or labels.dtype.kind not in "iufb":
        raise UserError(f"labels are {labels.dtype}{labels.shape}; expected vectors ({num_images}, {label_size}).")
    labels = labels.astype(np.float32, copy=False)
    if not np.isfinite(labels).all():
        raise UserError("label vectors hold values that are not finite; expected numbers.")
    return labels


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
        raise UserError(f"labels are {labels.dtype}{labels.shape}; expected integers ({num_images},), one an image.")
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    if not 0 <= low <= high < num_classes:
        raise UserError(f"labels are from {low} to {high}, num_classes {num_classes}; expected 0 to {num_classes - 1}.")
    return labels.astype(np.int32, copy=False)


def check_any(labels: np.ndarray | None, num_images: int, info: DataInfo) -> np.ndarray:
    """Return the labels of a data set: see `check_labels` for classes, `check_vectors` for vectors."""
    if info.label_size:
        return check_vectors(labels, num_images, info.label_size)
    return check_labels(labels, num_images, info.num_classes)


def check_names(info: DataInfo) -> None:
    """Raise ValueError unless there is a name for each class, or for each number of a vector; or none at all.

    A name is text that a run's configuration can hold.
    """
    for name in info.label_names:
        if not isinstance(name, str):
            raise UserError(f"a label's name is {name!r}; expected a str.")
        check_plain("a label's name", name)
    expected = info.label_size or info.num_classes or 0
    if info.label_names and len(info.label_names) != expected:
        raise UserError(f"{len(info.label_names)} label names are given; expected {expected}, or none.")
    if len(set(info.label_names)) != len(info.label_names):
        raise UserError(f"label names are {', '.join(info.label_names)}; expected different ones.")


def check_indices(indices: np.ndarray, num_images: int) -> np.ndarray:
    """Return indices as int64, or raise IndexError where one is not in 0..N-1."""
    indices = np.asarray(indices, np.int64)
    if indices.size and not 0 <= indices.min() <= indices.max() < num_images:
        raise IndexError(f"Image indices must lie in 0..{num_images - 1}.")
    return indices


def check_batch(batch_size: int, info: DataInfo) -> None:
    """Raise ValueError if the pixels of one batch, as bytes, take more than BATCH_FRACTION of the host's memory."""
    memory = host_memory()
    needed = batch_size * info.image_bytes
    if needed > BATCH_FRACTION * memory:
        raise UserError(
            f"data.batch_size is {batch_size}, whose images of {' x '.join(map(str, info.image_shape))} bytes take "
            f"{needed / 2**30:.1f} GiB, and this machine has {memory / 2**30:.1f} GiB of memory; set data.batch_size "
            f"to {int(BATCH_FRACTION * memory) * batch_size // needed} or less."
        )


class Checked:
    """A custom source, of which each batch is checked: shape and type of images, range of labels.

    Args:
      source: any object with `info` and `read`, as `jaxgan.Source` describes.

    Attributes:
      info: the source's.
      fingerprint: the source's, None where it has none.

    Raises:
      ValueError: `info` is no DataInfo, or the first images do not fit it.
    """

    def __init__(self, source: Source):
        info: Any = getattr(source, "info", None)
        if not isinstance(info, DataInfo) or not callable(getattr(source, "read", None)):
            raise UserError(
                f"source= is {type(source).__name__}; expected an object with info, a jaxgan.DataInfo, and "
                "read(indices), or jaxgan.data.InMemory(images, labels, num_classes)."
            )
        if info.num_images < 1:
            raise UserError(f"source.info.num_images is {info.num_images}; expected at least 1.")
        self.info, self._source, self.fingerprint = info, source, identity.fingerprint(source)
        self.read(np.arange(min(TRIED, info.num_images)))
        check_names(info)
        if info.label_size and not info.label_table:
            table = as_table(self.read(spaced(info.num_images, TABLE))[1])
            self.info = dataclasses.replace(info, label_table=table)

    @property
    def labels(self) -> np.ndarray | None:
        """The source's, None where it does not know all of them."""
        return getattr(self._source, "labels", None)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read images and labels, as `jaxgan.Source` describes them.

        Raises:
          ValueError: the source returned something else, or raised an error, which is then the cause.
        """
        try:
            batch = self._source.read(indices)
        except UserError:
            raise
        except Exception as error:
            kind = type(self._source)
            raise UserError(
                f"{kind.__module__}.{kind.__qualname__}.read, which source= gave, failed ({brief(error)}); read must "
                "return images and labels for any indices."
            ) from error
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise UserError(f"source.read returned {type(batch).__name__}; expected two arrays: images and labels.")
        try:
            images = check_images(batch[0], self.info.levels)
            if images.shape != (expected := (len(indices), *self.info.image_shape)):
                raise UserError(f"images have the shape {images.shape}; expected {expected}, as source.info says.")
            # A source may fill its arrays again, when this batch still waits: JAX shares memory with some of them.
            return images.copy(), check_any(batch[1], len(indices), self.info).copy()
        except UserError as error:
            raise UserError(f"source.read returned what is no batch: {error}") from None
