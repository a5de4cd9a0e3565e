"""Averages of a generator's variables over training, from which pictures are drawn."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.base.types import Array, PyTree


def average(decay: float, step: Array, ema: PyTree, new: PyTree) -> PyTree:
    """Move the average towards new variables; the decay warms up, so that the start is soon forgotten."""
    warm = jnp.minimum(decay, (1 + step) / (10 + step))
    return jax.tree.map(lambda a, b: warm * a + (1 - warm) * b, ema, new)
