"""Pixels as bytes, and as numbers that networks see."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.base.types import Array


def to_uint8(images: Array) -> Array:
    """Map pixels from [-1, 1] to 0..255, rounding to nearest; values beyond are clipped.

    Args:
      images: float[...].

    Returns:
      uint8[...]; -1 becomes 0 and 1 becomes 255.
    """
    return jnp.clip(jnp.round((images + 1) * 127.5), 0, 255).astype(jnp.uint8)


def to_range(images: Array, image_range: tuple[float, float]) -> Array:
    """Map uint8 pixels 0..255 to float32 in [low, high]."""
    low, high = image_range
    return images.astype(jnp.float32) * ((high - low) / 255) + low
