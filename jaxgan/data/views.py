"""Views of a data set: without its first images, or with the left-right flip of each image."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.base.types import Source
from jaxgan.data import identity
from jaxgan.data.label_values import with_table
from jaxgan.data.memory import InMemory, like
from jaxgan.data.validation import check_indices


class Skip:
    """A source without its first images.

    Attributes:
      info: with the number of images that are left, and no table of their label vectors yet.
      labels: the source's that are left, None where it does not know them.
      fingerprint: derived from the source's.
    """

    def __init__(self, source: Source, first: int):
        self._source = source
        self._first = first
        self.info = dataclasses.replace(source.info, num_images=source.info.num_images - first, label_table=())
        labels = getattr(source, "labels", None)
        self.labels = None if labels is None else labels[first:]
        self.fingerprint = identity.derived(source, "skip", first)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read images and labels, counting from the first one that is left."""
        return self._source.read(check_indices(indices, self.info.num_images) + self._first)


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
        raise UserError(f"data.skip is {first}, so that none of {num_images} images is left; set it to less.")
    if first == 0:
        return source
    if isinstance(source, InMemory):
        fingerprint = identity.derived(source, "skip", first)
        return like(source.info, source.images[first:], source.labels[first:], fingerprint)
    return with_table(Skip(source, first))


class Mirror:
    """A view of a source that is twice as long: image N + i is image i flipped left to right, with its label.

    Wrong for digits, text, and whatever else has a handedness.

    Attributes:
      info: shape, number of images (2 N) and number of classes.
      source: what is flipped.
      fingerprint: derived from the source's.
    """

    def __init__(self, source: Source):
        self.source = source
        self.info = dataclasses.replace(source.info, num_images=2 * source.info.num_images)
        self.fingerprint = identity.derived(source, "mirror")

    @functools.cached_property
    def labels(self) -> np.ndarray | None:
        """Labels of all 2 N images, None where the source does not know them."""
        labels = getattr(self.source, "labels", None)
        return None if labels is None else np.concatenate([labels, labels])

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read images and labels."""
        flips, rows = np.divmod(check_indices(indices, self.info.num_images), self.source.info.num_images)
        images, labels = self.source.read(rows)
        flipped = np.flatnonzero(flips)
        if flipped.size:
            images = np.require(images, requirements="W")
            images[flipped] = images[flipped, :, ::-1]
        return images, labels
