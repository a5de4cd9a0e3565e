"""The nearest training image of each image, which shows memorisation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.metrics.registry import Given, measure

# Drawn at random, so that 10,000 images take seconds.
NUM_IMAGES = 1_000

# Training images compared at a time.
CHUNK = 2048
# Larger images are compared as means over squares of pixels, so that no side has more.
MAX_SIDE = 32


@dataclasses.dataclass(frozen=True)
class Nearest:
    """Images beside the training image nearest to each.

    Attributes:
      generated: uint8[N, H, W, C].
      real: uint8[N, H, W, C], the nearest training images.
      distances: float64[N] in 0..1.
    """

    generated: np.ndarray
    real: np.ndarray
    distances: Sequence[float] = ()

    def __repr__(self) -> str:
        """Return a line instead of all pixels."""
        return f"Nearest({len(self.generated)} images of {'x'.join(map(str, self.generated.shape[1:]))})"


def nearest_images(images: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the training image that is nearest in its pixels.

    The distance is the root of the mean squared difference of pixels in 0..1: 0 is a copy. Compare it with the
    distances of held-out real images: well below those, the generator repeats training images.

    Args:
      images: uint8[N, H, W, C].
      training: uint8[M, H, W, C].

    Returns:
      Distances float64[N] and indices of training images int64[N].

    Raises:
      ValueError: images of different shapes.
    """
    if images.shape[1:] != training.shape[1:]:
        raise UserError(f"images have shape {images.shape[1:]}; expected {training.shape[1:]}, the training data's.")
    queries = pixel_vectors(images)
    least = np.full(len(images), np.inf, np.float32)
    indices = np.zeros(len(images), np.int64)
    for start in range(0, len(training), CHUNK):
        block = pixel_vectors(training[start : start + CHUNK])
        scores = queries @ block.T  # |b|^2 - 2 a.b orders as the distance does
        scores *= -2
        scores += np.square(block).sum(1)
        best = scores.argmin(1)
        score = scores[np.arange(len(best)), best]
        nearer = score < least
        least[nearer], indices[nearer] = score[nearer], start + best[nearer]
    # By differences: a copy is then at exactly 0, which the products above would blur.
    return _root_mean_square(images, training, indices), indices


def pixel_vectors(images: np.ndarray) -> np.ndarray:
    """Return pixels in 0..1 as float32[N, D], as means over squares where a side has more than MAX_SIDE."""
    num, height, width, channels = images.shape
    square = -(-max(height, width) // MAX_SIDE)
    pixels = images.astype(np.float32) / 255
    if square > 1:
        pads = [(0, -height % square), (0, -width % square)]
        pixels = np.pad(pixels, [(0, 0), *pads, (0, 0)], mode="edge")
        rows, columns = pixels.shape[1] // square, pixels.shape[2] // square
        pixels = pixels.reshape(num, rows, square, columns, square, channels).mean((2, 4))
    return pixels.reshape(num, -1)


def _root_mean_square(images: np.ndarray, training: np.ndarray, indices: np.ndarray) -> np.ndarray:
    out = np.empty(len(images))
    for start in range(0, len(images), CHUNK):
        rows = slice(start, start + CHUNK)
        difference = images[rows].astype(np.float32) - training[indices[rows]]
        out[rows] = np.sqrt(np.square(difference / 255).mean((1, 2, 3), dtype=np.float64))
    return out


@measure("nearest", neutral=("nearest",))
def _measure(given: Given) -> dict[str, float]:
    distances, _ = nearest_images(given.some(given.images, NUM_IMAGES), given.real.images)
    return {"nearest": float(distances.mean())}
