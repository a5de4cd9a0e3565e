"""Pixels as bytes, and as numbers that networks see."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.base.checks import UserError
from jaxgan.base.types import Array


@jax.jit
def to_uint8(images: Array) -> Array:
    """Map pixels from [-1, 1] to 0..255, rounding to nearest; values beyond are clipped.

    Args:
      images: float[...], or uint8[...], which is returned as it is.

    Returns:
      uint8[...]; -1 becomes 0 and 1 becomes 255.

    Raises:
      ValueError: images of other integers, or of bools.
    """
    if images.dtype == jnp.uint8:
        return images
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise UserError(f"images are {images.dtype}; expected floats in [-1, 1], or uint8, which stays as it is.")
    return jnp.clip(jnp.round((images + 1) * 127.5), 0, 255).astype(jnp.uint8)


def to_range(images: Array, image_range: tuple[float, float]) -> Array:
    """Map uint8 pixels 0..255 to float32 in [low, high]."""
    low, high = image_range
    return images.astype(jnp.float32) * ((high - low) / 255) + low
