"""Conversions between uint8 pixels and the floats that networks use."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.base.checks import UserError
from jaxgan.base.types import Array


@jax.jit
def to_uint8(images: Array) -> Array:
    """Convert pixels from floats to bytes.

        round((x + 1) * 127.5), clipped to 0..255

    Args:
      images: float[...] in [-1, 1], values outside are clipped; or uint8[...], which stays as it is.

    Returns:
      uint8[...] of the same shape; -1 becomes 0 and 1 becomes 255.

    Raises:
      ValueError: `images` holds other integers, or bools.
    """
    if images.dtype == jnp.uint8:
        return images
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise UserError(f"images are {images.dtype}; expected floats in [-1, 1], or uint8, which stays as it is.")
    return jnp.clip(jnp.round((images + 1) * 127.5), 0, 255).astype(jnp.uint8)


def to_range(images: Array, image_range: tuple[float, float]) -> Array:
    """Convert pixels from uint8 in 0..255 to float32 in [low, high]."""
    low, high = image_range
    return images.astype(jnp.float32) * ((high - low) / 255) + low
