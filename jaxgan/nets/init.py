"""Initialisers that Flax lacks."""

from __future__ import annotations

import jax
from flax.typing import Initializer


def normal_around(mean: float, stddev: float) -> Initializer:
    """Return an initialiser that draws from N(mean, stddev^2), untruncated: batch-norm scales of the DCGAN family."""

    def init(key, shape, dtype=float):
        return mean + stddev * jax.random.normal(key, shape, dtype)

    return init


def uniform_within(bound: float) -> Initializer:
    """Return an initialiser that draws from U(-bound, bound).

    PyTorch's biases have the bound 1 / sqrt(fan_in). The shape of a bias does not contain fan_in, so callers give it.
    """

    def init(key, shape, dtype=float):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init
