"""Where all randomness comes from: one root key, a stream for each purpose.

A parent key is either split or folded, never both: with threefry `split(k, n)[i]` and
`fold_in(k, i)` are the same bits.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base.types import Array


class Stream(enum.IntEnum):
    """Purposes that must not share random numbers."""

    PARAMETERS = 0  # the networks' start, and training's own root
    GRID = 2  # the fixed latents of a run's grids
    GALLERY = 3  # images made on request
    EVALUATION = 4  # images that are scored
    STATISTICS = 5  # images that the averaged generator's batch-norm statistics are taken of


def stream(seed: int, purpose: Stream) -> Array:
    """Return the key of one purpose, a pure function of `config.seed`."""
    return jax.random.fold_in(jax.random.key(seed), int(purpose))


def is_key(leaf: Any) -> bool:
    """Return whether an array, or its shape, is one of random keys."""
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def on_numbers(function: Callable[..., Any], *leaves: Any) -> Any:
    """Call a function on arrays, or on the numbers that arrays of keys are made of, and make keys of the result."""
    if not is_key(leaves[0]):
        return function(*leaves)
    numbers = map(jax.random.key_data, leaves)
    return jax.random.wrap_key_data(function(*numbers), impl=jax.random.key_impl(leaves[0]))


def stack(*leaves: Any) -> Any:
    """Join arrays, or arrays of keys, along a new first axis; JAX takes keys that were joined as such for used ones."""
    return on_numbers(lambda *arrays: jnp.stack(arrays), *leaves)


def as_numpy(leaf: Any) -> np.ndarray:
    """Return the content of an array, of keys their numbers."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)
