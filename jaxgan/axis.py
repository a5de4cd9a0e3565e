"""The mapped device axis: code below the step asks here, so networks carry no axis names.

Every function is the identity outside `pmap`, where the axis is not bound.
"""

from __future__ import annotations

import jax

from jaxgan.types import Array, PyTree

NAME = "devices"


def bound_name() -> str | None:
    """Return the axis name inside a mapped function, None outside."""
    try:
        jax.lax.axis_index(NAME)
    except NameError:
        return None
    return NAME


def mean(tree: PyTree) -> PyTree:
    """Average every leaf over the devices."""
    return jax.lax.pmean(tree, NAME) if bound_name() else tree


def size() -> int:
    """Return the number of devices that share the batch."""
    return jax.lax.axis_size(NAME) if bound_name() else 1


def fold_in_index(key: Array) -> Array:
    """Make a key differ between devices; the same key comes back where there is one device."""
    return jax.random.fold_in(key, jax.lax.axis_index(NAME)) if size() > 1 else key


def share(global_batch: Array) -> Array:
    """Return this device's rows of an array [B, ...] that all devices drew alike."""
    if size() == 1:
        return global_batch
    rows = global_batch.shape[0] // size()
    return jax.lax.dynamic_slice_in_dim(global_batch, jax.lax.axis_index(NAME) * rows, rows)
