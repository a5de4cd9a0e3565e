"""Three digits in one image, red, green and blue: 1,000 modes that a classifier of digits can count."""

from __future__ import annotations

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.data import identity
from jaxgan.data.images.converted import on_canvas
from jaxgan.data.order.splitmix import uniforms
from jaxgan.data.sources.kind import Kind
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.data.validation import check_indices

# Of each split, as in PacGAN; published sets have 120,000 to 240,000.
NUM_IMAGES = 128_000

SIZES = (28, 32)


class StackedMnist:
    """Triples of the embedded MNIST digits, drawn independently with equal chances, a pure function of the index.

    The label is 100 r + 10 g + b for digits r, g and b in the three channels. Images of 32x32 have a border of two
    pixels of the digits' background, 0.

    Args:
      split: whose digits are drawn, 'train' or 'test'.
      image_size: 28 or 32.
      channels: must be 3.

    Attributes:
      info: shape, number of images, and 1,000 classes.
      fingerprint: of the digits and the number of images.

    Raises:
      ValueError: if image_size or channels is another.

    References:
      Z. Lin, A. Khetan, G. Fanti, S. Oh, "PacGAN: the power of two samples in generative adversarial networks", 2018;
      first in L. Metz, B. Poole, D. Pfau, J. Sohl-Dickstein, "Unrolled generative adversarial networks", 2017.
    """

    def __init__(self, split: str, image_size: int, channels: int):
        if image_size not in SIZES or channels != 3:
            raise UserError(
                f"data.image_size is {image_size} and data.channels {channels}, but stacked_mnist has images of "
                "28x28 or 32x32 in 3 channels; set data.image_size to 28 or 32, and data.channels to 3."
            )
        self._digits = open_mnist(split)
        self.info = DataInfo((image_size, image_size, 3), NUM_IMAGES, 1000)
        self.fingerprint = identity.derived(self._digits, "stacked", NUM_IMAGES)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read uint8[n, H, W, 3] images and int32[n] labels."""
        indices = check_indices(indices, NUM_IMAGES)
        rows = np.floor(uniforms(indices, 3) * self._digits.info.num_images).astype(np.int64)
        images = np.zeros((len(indices), *self.info.image_shape), np.uint8)
        border = (self.info.image_shape[0] - 28) // 2
        labels = np.zeros(len(indices), np.int32)
        for channel in range(3):
            digits, numbers = self._digits.read(rows[:, channel])
            images[:, border : border + 28, border : border + 28, channel] = digits[..., 0]
            labels = 10 * labels + numbers
        return images, labels


KIND = Kind(lambda c, canvas, workers: on_canvas(StackedMnist(c.split, c.image_size, c.channels), canvas, workers))
