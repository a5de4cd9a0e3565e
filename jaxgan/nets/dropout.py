"""Dropout that is on where a 'dropout' key is given."""

from __future__ import annotations

from flax import linen as nn

from jaxgan.types import Array


class Dropout(nn.Module):
    """Set each number to 0 with probability `rate`, and scale the others so that the mean stays."""

    rate: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        return nn.Dropout(self.rate, deterministic=not self.has_rng("dropout"))(x)
