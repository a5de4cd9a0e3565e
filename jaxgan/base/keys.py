"""All randomness comes from one root key, with a stream for each purpose.

A key is either split or folded, never both. With threefry, `split(k, n)[i]` and `fold_in(k, i)` are the same bits.
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

    PARAMETERS = 0  # initial parameters, and the root of training's keys
    GRID = 2  # fixed latents of a run's sample grids
    GALLERY = 3  # images drawn on request
    EVALUATION = 4  # images that are scored
    STATISTICS = 5  # images for the recalibration of batch norm


def stream(seed: int, purpose: Stream) -> Array:
    """Return the key of one purpose. It depends on `config.seed` only."""
    return jax.random.fold_in(jax.random.key(seed), int(purpose))


def is_key(leaf: Any) -> bool:
    """Return whether an array, or a jax.ShapeDtypeStruct, holds random keys."""
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def on_numbers(function: Callable[..., Any], *leaves: Any) -> Any:
    """Return function(*leaves). Arrays of keys are passed as their uint32 data, and the result is made keys again."""
    if not is_key(leaves[0]):
        return function(*leaves)
    numbers = map(jax.random.key_data, leaves)
    return jax.random.wrap_key_data(function(*numbers), impl=jax.random.key_impl(leaves[0]))


def stack(*leaves: Any) -> Any:
    """Stack arrays, or arrays of keys, along a new first axis.

    Keys go as their data, since JAX's key checker counts keys that were stacked as used.
    """
    return on_numbers(lambda *arrays: jnp.stack(arrays), *leaves)


def as_numpy(leaf: Any) -> np.ndarray:
    """Return an array as NumPy's; of keys their uint32 data."""
    return np.asarray(jax.random.key_data(leaf) if is_key(leaf) else leaf)


def as_keys(numbers: np.ndarray | Array, like: Any) -> Array:
    """Return the keys whose uint32 data are given, of the generator that `like` has, keys or their shapes."""
    implementations = []

    def data(keys: Array) -> Array:
        implementations.append(jax.random.key_impl(keys))
        return jax.random.key_data(keys)

    jax.eval_shape(data, like)  # shapes alone do not tell
    return jax.random.wrap_key_data(jnp.asarray(numbers), impl=implementations[0])
