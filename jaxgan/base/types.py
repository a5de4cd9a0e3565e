"""Types that the whole package shares.

Shape letters in all docstrings: B batch, H height, W width, C channels, Z latent size, K classes, N samples,
D features.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from jaxgan.base.checks import UserError

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
      num_classes: K, the number of classes; None if the images have no labels, or vectors for labels.
      label_size: L, the numbers of a label vector, such as attributes or an angle's cosine and sine; 0 if there are
        none. A data set has classes or vectors, not both.
      label_names: of the classes, or of the numbers of a vector; () where they are not known.
      levels: (low, high) of the values that pixels stand for, which are then uint16: 0 stands for low, 65535 for high.
        None for uint8 pixels, which stand for themselves.
      label_table: some label vectors of the data, by which labels are drawn that nobody asked for.

    Raises:
      UserError: a number is no whole one; those of NumPy become Python's, which a run's files can hold.
    """

    image_shape: tuple[int, int, int]
    num_images: int
    num_classes: int | None = None
    label_size: int = 0
    label_names: tuple[str, ...] = dataclasses.field(default=(), compare=False)
    levels: tuple[float, float] | None = None
    label_table: tuple[tuple[float, ...], ...] = dataclasses.field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        def set_whole(name: str, function: Callable[[Any], Any]) -> None:
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, function(value))
            except TypeError:
                raise UserError(f"{name} of a DataInfo is {value!r}; expected whole numbers.") from None

        set_whole("image_shape", lambda shape: tuple(map(operator.index, shape)))
        set_whole("num_images", operator.index)
        set_whole("num_classes", lambda num: None if num is None else operator.index(num))
        set_whole("label_size", operator.index)

    @property
    def has_labels(self) -> bool:
        """Whether the images have classes or label vectors."""
        return self.num_classes is not None or self.label_size > 0

    @property
    def label(self) -> jax.ShapeDtypeStruct:
        """Shape and type of one label: int32[], or float32[L]."""
        if self.label_size:
            return jax.ShapeDtypeStruct((self.label_size,), np.float32)
        return jax.ShapeDtypeStruct((), np.int32)

    @property
    def pixel_dtype(self) -> np.dtype:
        """Type of the pixels: uint8, or uint16 where they have levels."""
        return np.dtype(np.uint8 if self.levels is None else np.uint16)

    @property
    def image_bytes(self) -> int:
        """Bytes of the pixels of one image."""
        return math.prod(self.image_shape) * self.pixel_dtype.itemsize


class Batch(NamedTuple):
    """Images float32[B, H, W, C] in the networks' range, `config.data.range`, and labels int32[B] or float32[B, L]."""

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
          Images uint8[n, H, W, C], or uint16 where `info.levels` are set. Labels int32[n] in 0..K-1, or zeros if the
          images have no labels; float32[n, L] where `info.label_size` is L.
        """
        ...
