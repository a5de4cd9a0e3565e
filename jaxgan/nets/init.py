"""Initialisers that Flax does not name."""

from __future__ import annotations

import jax
from flax.typing import Initializer


def normal_around(mean: float, stddev: float) -> Initializer:
    """Return N(mean, stddev), untruncated; the DCGAN family starts batch-norm scales like this."""

    def init(key, shape, dtype=float):
        return mean + stddev * jax.random.normal(key, shape, dtype)

    return init
