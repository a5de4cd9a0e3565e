"""The mapped device axis: code below the step asks here, so networks carry no axis names.

On one device, and outside `pmap`, where the axis is not bound, `mean` and `share` return what they are given: no array
is copied to be averaged with nothing.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from jaxgan.base.types import Array, PyTree

# A name that nobody else gives an axis: what a user maps over must not be averaged.
NAME = "jaxgan.devices"

_num_shares = contextvars.ContextVar("num_shares", default=1)


def mean(tree: PyTree) -> PyTree:
    """Average every leaf over the devices, in one exchange for each dtype: on a network each has its own latency."""
    if size() == 1:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    means = list(leaves)
    for dtype in dict.fromkeys(leaf.dtype for leaf in leaves):
        places = [i for i, leaf in enumerate(leaves) if leaf.dtype == dtype]
        joined, split = ravel_pytree([leaves[i] for i in places])
        for i, value in zip(places, split(lax.pmean(joined, NAME)), strict=True):
            means[i] = value
    return jax.tree.unflatten(structure, means)


def size() -> int:
    """Return the number of devices that share the batch."""
    try:
        return lax.axis_size(NAME)
    except NameError:
        return 1


def share(global_batch: Array) -> Array:
    """Return this device's rows of an array [B, ...] that all devices drew alike."""
    if size() == 1:
        return global_batch
    rows = global_batch.shape[0] // size()
    return lax.dynamic_slice_in_dim(global_batch, lax.axis_index(NAME) * rows, rows)


@contextlib.contextmanager
def stacked(num: int) -> Iterator[None]:
    """Say that a batch traced inside is `num` shares of as many global batches, one after the other."""
    token = _num_shares.set(num)
    try:
        yield
    finally:
        _num_shares.reset(token)


def share_size(num: int) -> int:
    """Return how many of `num` rows are of one share: all, or inside `stacked` the part that one global batch has."""
    shares = _num_shares.get()
    return num // shares if num % shares == 0 else num


def row_numbers(num: int) -> Array:
    """Return the numbers uint32[num] that this device's rows have in the global batch.

    Inside `stacked` the global batches follow one another as the shares do. So each row has the number that it has on
    one device.
    """
    rows = lax.iota(jnp.uint32, num)
    if size() == 1:
        return rows
    part = share_size(num)
    before = lax.axis_index(NAME).astype(jnp.uint32) * part
    return rows + before + rows // part * (part * (size() - 1))
