"""Features of each image in the place of its label, for instance conditioning.

D then judges whether an image has the features that it is shown with, so G learns to draw images of given features
rather than any image. The features are those of EfficientNet-Lite0: its principal components over the data set, with
variance 1. Generated images get the features of real ones.

References:
  Casanova, Careil, Verbeek, Drozdzal and Romero-Soriano, "Instance-Conditioned GAN", 2021. Few principal components
  instead of all features, and the image itself instead of its neighbours as the real one, are jaxgan's own.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools

import numpy as np

from jaxgan.base import store, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import to_bytes, visible
from jaxgan.base.types import Config, Source
from jaxgan.data import identity
from jaxgan.data.label_values import as_table, instance_info
from jaxgan.data.memory import InMemory
from jaxgan.data.rows import parts, spaced
from jaxgan.data.views import Mirror
from jaxgan.metrics.features.imagenet import load_imagenet

KNOWN = 512  # images whose features a run keeps, to draw images of
CHUNK = 1024  # images read at a time
FITTED = 20_000  # images that principal components are computed from
MOST = 3.0  # standard deviations, beyond which numbers are cut off: single images are no scale for the others
VERSION = 1  # changes with what is computed


class Instances:
    """A source whose labels are features of its images, float32[N, L]; they are computed when they are first needed.

    Attributes:
      info: of label vectors, as yet without a table of them.
      source: where the images come from, whose own labels are left out.
      fingerprint: derived from the source's.
    """

    def __init__(self, source: Source, size: int):
        self.source, self._size = source, size
        self.info = instance_info(source.info, size)
        self.fingerprint = identity.derived(source, "instance features", size, VERSION)

    @functools.cached_property
    def labels(self) -> np.ndarray:
        """The features, from a file in the cache where they were computed previously."""
        if self.fingerprint is None:
            return principal_features(self.source, self._size)
        path = store.cache_folder() / "instances" / f"{self.fingerprint}.npz"
        with contextlib.suppress(OSError, UserError):
            return store.load(path)[0]["features"]
        features = principal_features(self.source, self._size)
        with contextlib.suppress(OSError):
            store.save(path, {"features": features}, {})
        return features

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read images and their features."""
        return self.source.read(indices)[0], self.labels[indices]


def with_own_labels(config: Config) -> Config:
    """Return a copy without instance features where the networks are to get the labels of the data."""
    if not config.data.instance_features or not config.model.get("conditional", False):
        return config
    config = copy.deepcopy(config)
    config.data.instance_features = 0
    return config


def with_instances(source: Source, size: int) -> Source:
    """Return a source whose labels are `size` features of its images, or with 0 the source as it is."""
    if not size:
        return source
    if isinstance(source, Mirror):  # a flipped image has the features of the other one
        return Mirror(with_instances(source.source, size))
    return Instances(source, size)


def for_training(source: Source) -> Source:
    """Compute the features of a source of `with_instances`, and let `info` have those of some images.

    Returns:
      The source, with images and features in one place where the images are in memory. Others as they are.
    """
    if isinstance(source, Mirror):
        return Mirror(for_training(source.source))
    if not isinstance(source, Instances):
        return source
    table = as_table(source.labels[spaced(len(source.labels), KNOWN)])
    if isinstance(source.source, InMemory):
        names, levels = source.info.label_names, source.info.levels
        held = source.source.images, source.labels, None, source.fingerprint
        source = InMemory(*held, label_names=names, levels=levels)
    source.info = dataclasses.replace(source.info, label_table=table)
    return source


def principal_features(source: Source, size: int) -> np.ndarray:
    """Return principal components of the images' ImageNet features, float32[N, size], each of variance 1.

    Raises:
      UserError: the weights are not installed, or there are fewer images than components.
    """
    num, net = source.info.num_images, load_imagenet()
    if size >= min(num, net.num_features):
        raise UserError(
            f"config.data.instance_features is {size}; expected fewer than the {num:,} images and the "
            f"{net.num_features} features."
        )
    terminal.say(f"computing the ImageNet features of {num:,} images for instance conditioning")

    def features(rows: np.ndarray) -> np.ndarray:
        return net.features_and_logits(visible(to_bytes(source.read(rows)[0])))[0].astype(np.float64)

    # Parts of the data in their order, so that equal data give equal numbers.
    chosen = spaced(num, FITTED)
    some = np.concatenate([features(chosen[at : at + CHUNK]) for at in range(0, len(chosen), CHUNK)])
    mean = some.mean(0)
    variances, directions = np.linalg.eigh(np.cov(some, rowvar=False))
    scaled = directions[:, : -size - 1 : -1] / np.sqrt(np.maximum(variances[: -size - 1 : -1], np.finfo(float).tiny))
    found = some if len(some) == num else np.concatenate([features(rows) for rows in parts(num, CHUNK)])
    return np.clip((found - mean) @ scaled, -MOST, MOST).astype(np.float32)
