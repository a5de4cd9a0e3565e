"""Conversions between uint8 pixels and the floats that networks use."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.base.types import Array


def to_uint8(images: Array) -> Array:
    """Convert pixels from floats to bytes.

        round((x + 1) * 127.5), clipped to 0..255

    Args:
      images: float[...] in [-1, 1]; values outside are clipped.

    Returns:
      uint8[...] of the same shape; -1 becomes 0 and 1 becomes 255.
    """
    return jnp.clip(jnp.round((images + 1) * 127.5), 0, 255).astype(jnp.uint8)


def to_range(images: Array, image_range: tuple[float, float]) -> Array:
    """Convert pixels from uint8 in 0..255 to float32 in [low, high]."""
    low, high = image_range
    return images.astype(jnp.float32) * ((high - low) / 255) + low
