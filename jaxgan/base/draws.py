"""Random numbers that cost next to nothing: a hash of the position that XLA fuses into what uses it.

On CPU threefry bits cost 13 times as much, or 4 times if packed into bytes, and rbg bits 17 times, and are no better in
the tests of independence.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.base import axis
from jaxgan.base.types import Array

Shape = tuple[int, ...]


def words(key: Array, shape: Shape, *, share: bool = False) -> Array:
    """Draw uint32[shape], of fewer than 2^32 elements, as if independent, but that no word of a draw repeats.

    Equal keys give equal words:

        word[i] = mix(mix(i + a) xor b),   (a, b) two words drawn from the key

    Args:
      key: typed key.
      shape: of the words.
      share: these are this device's rows of an array that all devices draw together; they take the words that the same
        rows have on one device.
    """
    first, second = jax.random.bits(key, (2,), jnp.uint32)
    position = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    if share and axis.size() > 1:
        num = shape[0] if shape else 1
        ahead = axis.row_numbers(num) - lax.iota(jnp.uint32, num)
        position += (ahead * math.prod(shape[1:])).reshape(shape[:1] + (1,) * (len(shape) - 1))
    return _mix(_mix(position + first) ^ second)


def bernoulli(key: Array, p: float, shape: Shape, *, share: bool = False) -> Array:
    """Draw independent bool[shape], true with a probability of p in (0, 1), to 2^-32; `share` as in `words`."""
    return words(key, shape, share=share) < np.uint32(min(round(p * 2**32), 2**32 - 1))


def uniform(key: Array, shape: Shape) -> Array:
    """Draw independent float32[shape] from U(-1, 1): the middles of 2^23 equal parts, so never -1, 0 or 1."""
    return ((words(key, shape) >> 9).astype(jnp.float32) + 0.5) * 2**-22 - 1


def normal(key: Array, shape: Shape) -> Array:
    """Draw independent float32[shape] from N(0, 1), by the inverse of its distribution function; within +-5.3."""
    return math.sqrt(2) * lax.erf_inv(uniform(key, shape))


def _mix(bits: Array) -> Array:
    """Scramble uint32 words by a bijection in which every input bit moves every output bit.

    References:
      Chris Wellons, "Prospecting for Hash Functions", 2018: the function `lowbias32`.
    """
    bits = (bits ^ (bits >> 16)) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * np.uint32(0x846CA68B)
    return bits ^ (bits >> 16)
