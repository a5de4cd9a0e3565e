"""Where all randomness comes from: one root key, a stream for each purpose.

A parent key is either split or folded, never both: with threefry `split(k, n)[i]` and
`fold_in(k, i)` are the same bits.
"""

from __future__ import annotations

import enum

import jax

from jaxgan.base.types import Array


class Stream(enum.IntEnum):
    """Purposes that must not share random numbers."""

    INIT = 0
    TRAIN = 1
    SAMPLE = 2
    EVAL = 3


def stream(seed: int, purpose: Stream) -> Array:
    """Return the key of one purpose, a pure function of `config.seed`."""
    return jax.random.fold_in(jax.random.key(seed), int(purpose))
