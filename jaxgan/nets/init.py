"""Initialisers that Flax does not name."""

from __future__ import annotations

import jax
from flax.typing import Initializer


def normal_around(mean: float, stddev: float) -> Initializer:
    """Return N(mean, stddev), untruncated; the DCGAN family starts batch-norm scales like this."""

    def init(key, shape, dtype=float):
        return mean + stddev * jax.random.normal(key, shape, dtype)

    return init


def uniform_within(bound: float) -> Initializer:
    """Return U(-bound, bound)."""

    def init(key, shape, dtype=float):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def uniform_by_fan_in(fan_in: int) -> Initializer:
    """Return U(-1/sqrt(fan_in), 1/sqrt(fan_in)), PyTorch's start for kernels and biases of dense and conv layers.

    Args:
      fan_in: numbers that one output is computed from, k * k * C for a convolution. A bias does not know it.
    """
    return uniform_within(fan_in**-0.5)
