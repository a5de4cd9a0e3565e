"""A data set that lies on a device, where each step gathers its pictures."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from flax import struct

from jaxgan.base.types import Array, Source
from jaxgan.data.memory import InMemory, resolve_cache


@struct.dataclass
class Resident:
    """All pictures and labels of a data set, a pytree.

    Attributes:
      images: uint8[N, H, W, C].
      labels: int32[N].
    """

    images: Array | np.ndarray
    labels: Array | np.ndarray

    def take(self, indices: Array) -> tuple[Array, Array]:
        """Gather pictures and labels; works inside `jax.jit`.

        Args:
          indices: int32[...], each in 0..N-1.

        Returns:
          uint8[..., H, W, C] pictures and int32[...] labels.
        """
        return jax.tree.map(lambda x: x[indices], (self.images, self.labels))


def resident(config_data: Any, source: Source) -> Resident | None:
    """Return the arrays of a source if they are to lie on the device, else None; nothing is copied yet.

    Args:
      config_data: the data section of a config; only `cache` is read.
      source: as `open_source` returned it for this config.
    """
    if not isinstance(source, InMemory) or resolve_cache(config_data, source.info) != "device":
        return None
    return Resident(source.images, source.labels)
