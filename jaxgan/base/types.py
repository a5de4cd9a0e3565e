"""Types that the whole package shares.

Shape letters in all docstrings: B batch, H height, W width, C channels, Z latent size, K classes, N samples,
D features.
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
Map = Callable[[Callable[[Any], Any], Sequence[Any]], Iterable[Any]]  # as the builtin map: results in order


@dataclasses.dataclass(frozen=True)
class DataInfo:
    """Facts of a data set that networks and runs depend on.

    Attributes:
      image_shape: (H, W, C) of one image.
      num_images: N, the number of images that can be read.
      num_classes: K, the number of classes; None if the images have no labels.
    """

    image_shape: tuple[int, int, int]
    num_images: int
    num_classes: int | None = None


class Batch(NamedTuple):
    """Images float32[B, H, W, C] in the networks' range, `config.data.range`, and their labels int32[B]."""

    images: Array
    labels: Array


class Source(Protocol):
    """A data set with random access. `read` may be called from several threads at once.

    A source may also have a `fingerprint`, a str of hexadecimal digits that identifies its content. A run does not
    resume with data of another fingerprint. Without one, only `info` is compared.
    """

    info: DataInfo

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the images and labels at some indices.

        Args:
          indices: int64[n], each in 0..N-1, in any order, repeats allowed.

        Returns:
          Images uint8[n, H, W, C], and labels int32[n] in 0..K-1, or zeros if the images have no labels.
        """
        ...
