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

    PARAMETERS = 0  # the networks' start, and training's own root
    GRID = 2  # the fixed latents of a run's grids
    GALLERY = 3  # pictures made on request
    EVALUATION = 4  # pictures that are scored


def stream(seed: int, purpose: Stream) -> Array:
    """Return the key of one purpose, a pure function of `config.seed`."""
    return jax.random.fold_in(jax.random.key(seed), int(purpose))
