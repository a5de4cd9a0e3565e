"""Embeddings of labels: classes, mixtures of classes, and vectors."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from jaxgan.base.types import Array, DataInfo


@dataclasses.dataclass(frozen=True)
class Condition:
    """The condition that networks get with each image: a class, a vector, or nothing.

    Attributes:
      size: K classes, or L numbers of a vector; 0 for nothing.
      spans: (low, high) of each number of a vector in the data; () for classes.
    """

    size: int = 0
    spans: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, data: DataInfo, *, conditional: bool = True) -> Condition:
        """Return what the labels of a data set tell; nothing where networks are not conditional."""
        if not conditional:
            return cls()
        if not data.label_size:
            return cls(data.num_classes or 0)
        rows = data.label_table or ((0.0,) * data.label_size,)
        return cls(data.label_size, tuple((min(numbers), max(numbers)) for numbers in zip(*rows, strict=True)))

    def embed(self, features: int, init: Initializer) -> Embed:
        """Return a layer from labels to float[B, features]."""
        return Embed(self.size, features, init, self.spans)


class Embed(nn.Module):
    """A learned vector for each class, with the parameter of `flax.linen.Embed`; or a linear map of label vectors.

    Numbers of label vectors are moved from their span to [-1, 1], and a constant joins them for a bias. In D's inner
    product a linear map is enough. Up to terms of x and of y alone, log p(y|x) is linear in y for yes or no, for
    normal distributions of one spread, and for angles given as (cos, sin).

    Attributes:
      num_classes: K, or L numbers of a label vector.
      features: F, the length of a vector.
      embedding_init: initialiser of `embedding` [K, F], or [L + 1, F].
      spans: see `Condition`.

    References:
      Miyato and Koyama, "cGANs with Projection Discriminator", 2018, section 3 and appendix A.
    """

    num_classes: int
    features: int
    embedding_init: Initializer
    spans: tuple[tuple[float, float], ...] = ()

    @nn.compact
    def __call__(self, labels: Array) -> Array:
        """Map labels int32[B], weights of classes float[B, K], or label vectors float[B, L], to float[B, F]."""
        if self.spans:
            rows = self.num_classes + 1
            table = self.param("embedding", self.embedding_init, (rows, self.features), jnp.float32)
            moved = within(labels, self.spans)
            given = jnp.concatenate([moved, jnp.ones_like(moved[:, :1])], -1) * rows**-0.5
            return given.astype(table.dtype) @ table
        table = self.param("embedding", self.embedding_init, (self.num_classes, self.features), jnp.float32)
        if labels.ndim > 1:
            return labels @ table
        if table.dtype != jnp.float32:  # the gradient of a lookup adds up in this type, and stops at 256
            return jax.nn.one_hot(labels, self.num_classes, dtype=table.dtype) @ table
        place = getattr(jax.typeof(labels), "sharding", None)
        if place is None or not any(place.spec):
            return table[labels]
        # With explicit sharding in the types, a lookup must name the sharding of its result.
        return table.at[labels].get(out_sharding=jax.NamedSharding(place.mesh, jax.P(*place.spec, None)))


def within(labels: Array, spans: tuple[tuple[float, float], ...]) -> Array:
    """Return float[B, L]: the numbers of label vectors moved from their spans to [-1, 1]."""
    low, high = jnp.asarray(spans, jnp.float32).T
    return (labels - low[None]) * (2 / jnp.where(high > low, high - low, 2.0))[None] - (high > low)[None]
