"""Images of a source, drawn on another canvas as they are read."""

from __future__ import annotations

import dataclasses

import numpy as np

from jaxgan.base.types import Source
from jaxgan.data import identity
from jaxgan.data.images.canvas import Canvas, draw_array, say_squeezed
from jaxgan.data.images.memory_budget import MAX_PIXELS, PIXELS
from jaxgan.data.images.threads import Workers


class Converted:
    """A source whose images are drawn on another canvas as they are read."""

    def __init__(self, source: Source, canvas: Canvas, workers: Workers):
        self._source, self._canvas, self._workers = source, canvas, workers
        self.info = dataclasses.replace(source.info, image_shape=canvas.shape, levels=canvas.window)
        self.labels = getattr(source, "labels", None)
        self.fingerprint = identity.fingerprint(source)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read images and labels."""
        native, labels = self._source.read(indices)
        images = np.empty((len(native), *self._canvas.shape), self.info.pixel_dtype)
        height, width, _ = self._source.info.image_shape
        pixels = min(height * width, MAX_PIXELS)

        def one(i: int) -> None:
            with PIXELS.take(pixels):
                images[i] = draw_array(native[i], self._canvas)

        self._workers.run(one, len(native))
        return images, labels

    def announce(self) -> None:
        """Say so if the images lose their shape."""
        sizes = np.broadcast_to(self._source.info.image_shape[:2], (self.info.num_images, 2))
        say_squeezed(self._canvas, sizes, "images")


def on_canvas(source: Source, canvas: Canvas, workers: Workers) -> Source:
    """Return the source itself where its images are as they should be already, else a converting one."""
    canvas = canvas.taking([source.info.image_shape[:2]], "images")
    is_right = source.info.image_shape == canvas.shape and canvas.levels is None
    return source if is_right else Converted(source, canvas, workers)
