"""Embeddings of classes, and of mixtures of classes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from jaxgan.base.types import Array


class Embed(nn.Module):
    """A learned vector for each class, with the parameter of `flax.linen.Embed`.

    Attributes:
      num_classes: K.
      features: F, the length of a vector.
      embedding_init: initialiser of `embedding` [K, F].
    """

    num_classes: int
    features: int
    embedding_init: Initializer

    @nn.compact
    def __call__(self, labels: Array) -> Array:
        """Map labels int32[B], or weights of classes float[B, K], to float[B, F]."""
        table = self.param("embedding", self.embedding_init, (self.num_classes, self.features), jnp.float32)
        if labels.ndim > 1:
            return labels @ table
        place = getattr(jax.typeof(labels), "sharding", None)
        if place is None or not any(place.spec):
            return table[labels]
        # With explicit sharding in the types, a lookup must name the sharding of its result.
        return table.at[labels].get(out_sharding=jax.NamedSharding(place.mesh, jax.P(*place.spec, None)))
