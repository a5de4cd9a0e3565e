"""Averages of a generator's variables over training, from which pictures are drawn."""

from __future__ import annotations

import jax.numpy as jnp
import optax

from jaxgan.base.types import Array, PyTree


def average(decay: float, step: Array, ema: PyTree, new: PyTree) -> PyTree:
    """Move the average towards new variables; the decay warms up, so that the start is soon forgotten.

        ema <- w ema + (1 - w) new,   w = min(decay, (1 + step) / (10 + step))

    Args:
      decay: weight of the old average, in 0..1; 0 copies the new variables.
      step: int32[], training steps made before this one.
      ema: the average so far.
      new: variables of the same structure.
    """
    warm = jnp.minimum(decay, (1 + step) / (10 + step))
    return optax.incremental_update(new, ema, 1 - warm)
