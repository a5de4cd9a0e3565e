"""Activations with the numbers that several GANs use."""

from __future__ import annotations

import jax

from jaxgan.base.types import Array


def leaky_relu(x: Array) -> Array:
    """Map x to itself where it is positive, else to 0.2 x, the slope of Radford, Metz and Chintala, 2015."""
    return jax.nn.leaky_relu(x, negative_slope=0.2)
