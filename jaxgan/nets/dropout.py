"""Dropout with cheap masks."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.base import draws
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array


class Dropout(nn.Module):
    """Set each element to zero with probability `rate` and scale the others by 1 / (1 - rate).

    The layer is active if `apply` is given a 'dropout' key, else the identity. All devices have the same key, and each
    takes its rows of one mask for the global batch. So masks do not depend on the number of devices.

    Attributes:
      rate: probability in [0, 1).

    References:
      Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: A Simple Way to Prevent Neural
      Networks from Overfitting", 2014.
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map float[B, ...] to the same shape and type.

        Raises:
          UserError: the rate is not in [0, 1).
        """
        if not 0 <= self.rate < 1:
            raise UserError(f"the dropout rate is {self.rate}; expected a probability of at least 0 and below 1.")
        if self.rate == 0 or not self.has_rng("dropout"):
            return x
        keep = 1 - self.rate
        mask = draws.bernoulli(self.make_rng("dropout"), keep, x.shape, share=True)
        return jnp.where(mask, x / keep, jnp.zeros((), x.dtype))
