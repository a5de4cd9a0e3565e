"""Types and constants that every floor shares.

Shape letters used in all docstrings: B batch, H height, W width, C channels, Z latent size,
K classes, N data set size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

Array = jax.Array
PyTree = Any
Config = Any  # ml_collections.ConfigDict, whose fields type checkers cannot follow
Device = Any  # jax.Device, which type checkers take for a variable
Map = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]  # what calls a function for each item, in order


@dataclasses.dataclass(frozen=True)
class DataInfo:
    """What a model must know of a data set.

    Attributes:
      image_shape: (H, W, C) of one image.
      num_images: number of images that can be read, N.
      num_classes: number of labels K, or None where the images have no labels.
    """

    image_shape: tuple[int, int, int]
    num_images: int
    num_classes: int | None = None


class Batch(NamedTuple):
    """Images float32[B, H, W, C] in the range that the networks see, and their labels int32[B]."""

    images: Array
    labels: Array


class Source(Protocol):
    """A data set that can be read by index, from several threads at once.

    It may also have a `fingerprint`, a str of hexadecimal digits that says what the data turned out to be: a run whose
    data have another one is not resumed. Without it only `info` is compared.
    """

    info: DataInfo

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read some images.

        Args:
          indices: int64[n], each in 0..N-1, in any order, repeats allowed.

        Returns:
          uint8[n, H, W, C] images and int32[n] labels (zeros where there are no labels).
        """
        ...
