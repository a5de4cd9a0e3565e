"""A shuffled order of which any place can be computed alone, whatever the number of images."""

from __future__ import annotations

import functools
import math

import numpy as np

from jaxgan.data.order.splitmix import mix

# With 10, sets of five or six images still show a trace of the order they came in; large sets need fewer.
ROUNDS = 12


def shuffled(places: np.ndarray, size: int, seed: int, epoch: int) -> np.ndarray:
    """Return which images stand at some places of an epoch's order, a permutation of range(size).

    A generalised Feistel network on pairs (l, r), 0 <= l < a, 0 <= r < b, place = a r + l, of which every round adds to
    one half a hash of the other:

        l <- (l + F_i(r)) mod a,    r <- (r + F_i(l)) mod b,    in turn

    with a = ceil(sqrt(size)) and the least b so that a b >= size. A result beyond `size` goes through again until it
    is within. Memory and work are O(len(places)).

    Args:
      places: int64[n], each in 0..size-1.
      size: number of images, at most 2^62.
      seed: any integer.
      epoch: from 0.

    Returns:
      int64[n], each in 0..size-1.

    References:
      J. Black, P. Rogaway, "Ciphers with arbitrary finite domains", 2002, section 5 (the network) and 3 (walking).
    """
    keys = _keys(seed % 2**64, epoch)
    out = np.asarray(places, np.int64).astype(np.uint64)
    outside = np.arange(len(out))
    while outside.size:  # few come here twice: at most a of a b >= size are beyond
        out[outside] = _network(out[outside], size, keys)
        outside = outside[out[outside] >= size]
    return out.astype(np.int64)


def _network(values: np.ndarray, size: int, keys: np.ndarray) -> np.ndarray:
    a = math.isqrt(size - 1) + 1
    b = -(-size // a)
    right, left = np.divmod(values, np.uint64(a))
    for i, key in enumerate(keys):
        if i % 2:
            right = (right + (mix(left + key) >> np.uint64(8))) % np.uint64(b)
        else:
            left = (left + (mix(right + key) >> np.uint64(8))) % np.uint64(a)
    return right * np.uint64(a) + left


@functools.lru_cache(maxsize=3)
def _keys(seed: int, epoch: int) -> np.ndarray:
    philox = np.random.Generator(np.random.Philox(key=np.array([seed, epoch], np.uint64)))
    return philox.integers(2**64, size=ROUNDS, dtype=np.uint64)
