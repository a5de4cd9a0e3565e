"""Cheap random numbers: a hash of the position, which XLA fuses into the operation that uses it.

On a CPU, threefry bits cost 13 times as much, or 4 times if packed into bytes. Bits of rbg cost 17 times as much.
Neither does better in the tests of independence.
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
    """Draw words from a hash of their position.

        word[i] = mix(mix(i + a) xor b),   (a, b) two words drawn from the key

    The words behave as independent ones, but no word repeats within a draw. Equal keys give equal words.

    Args:
      key: typed key.
      shape: of the result, with fewer than 2^32 elements.
      share: whether the result is this device's rows of one global array. Its words are then those that the same rows
        have on one device.

    Returns:
      uint32[shape].
    """
    first, second = jax.random.bits(key, (2,), jnp.uint32)
    position = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    if share and axis.size() > 1:
        num = shape[0] if shape else 1
        ahead = axis.row_numbers(num) - lax.iota(jnp.uint32, num)
        position += (ahead * math.prod(shape[1:])).reshape(shape[:1] + (1,) * (len(shape) - 1))
    return _mix(_mix(position + first) ^ second)


def bernoulli(key: Array, p: float, shape: Shape, *, share: bool = False) -> Array:
    """Draw bool[shape], true with probability p in (0, 1) to within 2^-32; `share` as in `words`."""
    return words(key, shape, share=share) < np.uint32(min(round(p * 2**32), 2**32 - 1))


def uniform(key: Array, shape: Shape) -> Array:
    """Draw float32[shape] from U(-1, 1): midpoints of 2^23 equal intervals, so never -1, 0 or 1."""
    return ((words(key, shape) >> 9).astype(jnp.float32) + 0.5) * 2**-22 - 1


def normal(key: Array, shape: Shape) -> Array:
    """Draw float32[shape] from N(0, 1) by its inverse distribution function; values lie within +-5.3."""
    return math.sqrt(2) * lax.erf_inv(uniform(key, shape))


def _mix(bits: Array) -> Array:
    """Scramble uint32 words by a bijection in which every input bit affects every output bit.

    References:
      Chris Wellons, "Prospecting for Hash Functions", 2018: the function `lowbias32`.
    """
    bits = (bits ^ (bits >> 16)) * np.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * np.uint32(0x846CA68B)
    return bits ^ (bits >> 16)
