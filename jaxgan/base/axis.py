"""The mapped device axis: code below the step asks here, so networks carry no axis names.

On one device, and outside `pmap`, where the axis is not bound, `mean`, `share` and `fold_in_index` return what they are
given: no array is copied to be averaged with nothing.
"""

from __future__ import annotations

import jax

from jaxgan.base.types import Array, PyTree

NAME = "devices"


def mean(tree: PyTree) -> PyTree:
    """Average every leaf over the devices."""
    return jax.lax.pmean(tree, NAME) if size() > 1 else tree


def size() -> int:
    """Return the number of devices that share the batch."""
    try:
        return jax.lax.axis_size(NAME)
    except NameError:
        return 1


def fold_in_index(key: Array) -> Array:
    """Make a key differ between devices; the same key comes back where there is one device."""
    return jax.random.fold_in(key, jax.lax.axis_index(NAME)) if size() > 1 else key


def share(global_batch: Array) -> Array:
    """Return this device's rows of an array [B, ...] that all devices drew alike."""
    if size() == 1:
        return global_batch
    rows = global_batch.shape[0] // size()
    return jax.lax.dynamic_slice_in_dim(global_batch, jax.lax.axis_index(NAME) * rows, rows)
