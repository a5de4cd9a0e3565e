"""The mapped device axis. Networks and losses ask here, so they carry no axis names.

Outside `pmap` the axis is not bound. There, and on one device, `mean` and `share` return their argument unchanged.
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

# A name that nobody else gives an axis. A user's own mapped axis must not be averaged over.
NAME = "jaxgan.devices"

_num_shares = contextvars.ContextVar("num_shares", default=1)


def mean(tree: PyTree) -> PyTree:
    """Return the mean over the devices of each leaf.

    All leaves of one dtype go in one all-reduce, since each one costs a network's latency.
    """
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
    """Return this device's rows of a global array [B, ...] that is equal on all devices."""
    if size() == 1:
        return global_batch
    rows = global_batch.shape[0] // size()
    return lax.dynamic_slice_in_dim(global_batch, lax.axis_index(NAME) * rows, rows)


@contextlib.contextmanager
def stacked(num: int) -> Iterator[None]:
    """Declare that a batch traced inside this block is `num` global batches' shares, one after another."""
    token = _num_shares.set(num)
    try:
        yield
    finally:
        _num_shares.reset(token)


def share_size(num: int) -> int:
    """Return how many of `num` rows belong to one global batch: all, or fewer inside `stacked`."""
    shares = _num_shares.get()
    return num // shares if num % shares == 0 else num


def row_numbers(num: int) -> Array:
    """Return uint32[num], the index in the global batch of each row of this device.

    Inside `stacked` the global batches follow one another. So each row has the index that it has on one device.
    """
    rows = lax.iota(jnp.uint32, num)
    if size() == 1:
        return rows
    part = share_size(num)
    before = lax.axis_index(NAME).astype(jnp.uint32) * part
    return rows + before + rows // part * (part * (size() - 1))
