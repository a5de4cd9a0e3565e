"""Dropout whose masks cost next to nothing."""

from __future__ import annotations

import flax.linen as nn
import jax.numpy as jnp

from jaxgan.base import draws
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array


class Dropout(nn.Module):
    """Zero each element with probability `rate` and scale the rest by 1 / (1 - rate).

    Active if and only if `apply` is given a 'dropout' key, the identity otherwise. The key is the same on all devices:
    each takes its rows of one mask for the global batch, so that masks do not depend on the number of devices.

    References:
      Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: A Simple Way to Prevent Neural
      Networks from Overfitting", 2014.
    """

    rate: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map an array to one of the same shape and type.

        Raises:
          ValueError: if the rate is not in [0, 1).
        """
        if not 0 <= self.rate < 1:
            raise UserError(f"rate is {self.rate}; expected a probability of at least 0 and below 1.")
        if self.rate == 0 or not self.has_rng("dropout"):
            return x
        keep = 1 - self.rate
        mask = draws.bernoulli(self.make_rng("dropout"), keep, x.shape, share=True)
        return jnp.where(mask, x / keep, jnp.zeros((), x.dtype))
