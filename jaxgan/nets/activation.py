"""Activation functions."""

from __future__ import annotations

import jax

from jaxgan.base.types import Array


def leaky_relu(x: Array) -> Array:
    """Return leaky ReLU with slope 0.2: x where x > 0, else 0.2 x.

    References:
      Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
      Networks", 2015, for the slope.
    """
    return jax.nn.leaky_relu(x, negative_slope=0.2)
