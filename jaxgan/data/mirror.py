"""A data set and its left-right flips."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxgan.base.types import Source
from jaxgan.data import identity


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

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read uint8[n, H, W, C] images and int32[n] labels."""
        indices = np.asarray(indices)
        if indices.size and not 0 <= indices.min() <= indices.max() < self.info.num_images:
            raise IndexError(f"Image indices must lie in 0..{self.info.num_images - 1}.")
        flips, rows = np.divmod(indices, self.source.info.num_images)
        images, labels = self.source.read(rows)
        flipped = np.flatnonzero(flips)
        if flipped.size:
            images = np.require(images, requirements="W")
            images[flipped] = images[flipped, :, ::-1]
        return images, labels
