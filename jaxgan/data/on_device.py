"""A data set that lies on a device, where each step gathers its images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from jaxgan.base.types import Array, Source
from jaxgan.data.memory import InMemory, resolve_cache
from jaxgan.data.views import Mirror


@struct.dataclass
class Resident:
    """All images and labels of a data set, a pytree.

    Attributes:
      images: uint8[N, H, W, C], or uint16.
      labels: int32[N], or float32[N, L].
      mirrored: whether indices N..2N-1 stand for the images flipped left to right; static.
    """

    images: Array | np.ndarray
    labels: Array | np.ndarray
    mirrored: bool = struct.field(pytree_node=False, default=False)

    def take(self, indices: Array) -> tuple[Array, Array]:
        """Gather images and labels; works inside `jax.jit`.

        Args:
          indices: int32[...], each in 0..N-1, or 0..2N-1 if mirrored.

        Returns:
          Images [..., H, W, C], and labels [...] or [..., L].
        """
        if not self.mirrored:
            return jax.tree.map(lambda x: x[indices], (self.images, self.labels))
        flips, rows = jnp.divmod(indices, len(self.images))
        images = self.images[rows]
        return jnp.where((flips > 0)[..., None, None, None], images[..., ::-1, :], images), self.labels[rows]


def resident(config_data: Any, source: Source) -> Resident | None:
    """Return the arrays of a source if they are to lie on the device, else None; nothing is copied yet.

    Args:
      config_data: the data section of a config; only `cache` is read.
      source: as `open_source` returned it for this config.
    """
    mirrored = isinstance(source, Mirror)
    held = source.source if mirrored else source
    if not isinstance(held, InMemory) or resolve_cache(config_data, held.info) != "device":
        return None
    return Resident(held.images, held.labels, mirrored)
