"""Coloured shapes made from their index alone, for tests and first tries: nothing is stored or downloaded."""

from __future__ import annotations

import numpy as np

from jaxgan.base import digests
from jaxgan.base.types import DataInfo
from jaxgan.data.images.canvas import sides_of
from jaxgan.data.images.converted import on_canvas
from jaxgan.data.order.splitmix import uniforms
from jaxgan.data.sources.kind import Kind
from jaxgan.data.validation import check_indices

NUM_IMAGES = 4096
CLASSES = ("circle", "square", "triangle", "cross")

# Images drawn at once; bounds the memory of a large read.
CHUNK = 64


class Synthetic:
    """Shapes of varying place, size and colour on a darker ground; the label is the shape.

    Args:
      image_size: height and width in pixels, or one number for both.
      channels: C; each has a colour of its own.

    Attributes:
      info: shape, number of images and number of classes.
      fingerprint: what the data turned out to be.
    """

    def __init__(self, image_size: int | tuple[int, int], channels: int):
        self.info = DataInfo((*sides_of(image_size), channels), NUM_IMAGES, len(CLASSES), label_names=CLASSES)
        self.fingerprint = digests.digest("synthetic", *self.info.image_shape, NUM_IMAGES)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw uint8[n, H, W, C] images; returns them with their int32[n] labels."""
        indices = check_indices(indices, NUM_IMAGES)
        images = np.empty((len(indices), *self.info.image_shape), np.uint8)
        for start in range(0, len(indices), CHUNK):
            images[start : start + CHUNK] = self._draw(indices[start : start + CHUNK])
        return images, (indices % len(CLASSES)).astype(np.int32)

    def _draw(self, indices: np.ndarray) -> np.ndarray:
        height, width, channels = self.info.image_shape
        size = min(height, width)
        numbers = uniforms(indices, 3 + 2 * channels)[:, :, None, None]
        radius = 0.15 + 0.15 * numbers[:, 0]
        across, down = (
            radius + (side / size - 2 * radius) * numbers[:, axis] for axis, side in ((1, width), (2, height))
        )
        columns, rows = ((np.arange(side) + 0.5) / size for side in (width, height))
        distance = outside(columns[None, None, :] - across, rows[None, :, None] - down, radius, indices)
        covered = np.clip(0.5 - distance * size, 0, 1)[..., None]  # edges one pixel wide
        shape, ground = (numbers[:, None, None, 3 : 3 + channels, 0, 0], numbers[:, None, None, 3 + channels :, 0, 0])
        pixels = (1 - covered) * 80 * ground + covered * (128 + 127 * shape)
        return np.rint(pixels).astype(np.uint8)


def outside(x: np.ndarray, y: np.ndarray, radius: np.ndarray, indices: np.ndarray) -> np.ndarray:
    """Return how far each pixel lies outside its shape, [n, H, W], negative inside, in units of min(H, W)."""
    bar = np.minimum(
        np.maximum(np.abs(x) - radius, np.abs(y) - radius / 3), np.maximum(np.abs(x) - radius / 3, np.abs(y) - radius)
    )
    shapes = (
        np.hypot(x, y) - radius,
        np.maximum(np.abs(x), np.abs(y)) - radius,
        np.maximum(y - radius / 2, np.abs(x) * 0.75**0.5 - y / 2 - radius / 2),
        bar,
    )
    return np.choose(indices[:, None, None] % len(CLASSES), shapes)


KIND = Kind(
    lambda c, canvas, workers: on_canvas(Synthetic(c.image_size, c.channels), canvas, workers), has_splits=False
)
