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
    """Return U(-bound, bound).

    PyTorch starts biases within 1 / sqrt(inputs of one output), a number that an initialiser of biases does not see.
    """

    def init(key, shape, dtype=float):
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init
