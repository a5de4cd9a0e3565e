"""Dropout whose masks cost next to nothing."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.types import Array


def mix(bits: Array) -> Array:
    """Scramble uint32 words by a bijection in which every input bit moves every output bit.

    References:
      Chris Wellons, "Prospecting for Hash Functions", 2018: the function `lowbias32`.
    """
    bits = (bits ^ (bits >> 16)) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * np.uint32(0x846CA68B)
    return bits ^ (bits >> 16)


def keep_mask(key: Array, keep: float, shape: tuple[int, ...]) -> Array:
    """Draw independent booleans that are true with probability `keep`, to 2^-32.

        mask[i] = mix(mix(i + a) xor b) < 2^32 keep,   (a, b) two words drawn from the key

    Args:
      key: a random key; equal keys give equal masks.
      keep: probability in (0, 1).
      shape: of the mask, fewer than 2^32 elements.

    Returns:
      bool[shape].
    """
    # XLA fuses this hash of the position into what it masks. On CPU threefry bits cost 13 times as much, or 4
    # times if packed into bytes, and rbg bits 17 times, and are no better in the tests of independence.
    first, second = jax.random.bits(key, (2,), jnp.uint32)
    size = int(np.prod(shape, dtype=np.int64))
    position = lax.iota(jnp.uint32, size).reshape(shape)
    return mix(mix(position + first) ^ second) < np.uint32(min(round(keep * 2**32), 2**32 - 1))


class Dropout(nn.Module):
    """Zero each element with probability `rate` and scale the rest by 1 / (1 - rate).

    Active if and only if `apply` is given a 'dropout' key, the identity otherwise.

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
            raise ValueError(f"rate is {self.rate}; expected a probability of at least 0 and below 1.")
        if self.rate == 0 or not self.has_rng("dropout"):
            return x
        keep = 1 - self.rate
        mask = keep_mask(self.make_rng("dropout"), keep, x.shape)
        return jnp.where(mask, x / keep, jnp.zeros((), x.dtype))
