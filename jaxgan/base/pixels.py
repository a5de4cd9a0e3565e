"""Conversions between uint8 pixels and the floats that networks use."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

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
    wide = images.astype(jnp.promote_types(images.dtype, jnp.float32))  # 16 bits do not tell all levels apart
    return jnp.clip(jnp.round((wide + 1) * 127.5), 0, 255).astype(jnp.uint8)


def to_range(images: Array, image_range: tuple[float, float]) -> Array:
    """Convert pixels from uint8 in 0..255, or uint16 in 0..65535, to float32 in [low, high]."""
    low, high = image_range
    return images.astype(jnp.float32) * ((high - low) / jnp.iinfo(images.dtype).max) + low


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Return pixels of a data set as uint8 for people and scores: uint16 in 0..65535 rounded to 8 bits."""
    return images if images.dtype == np.uint8 else ((images.astype(np.uint32) + 128) // 257).astype(np.uint8)


def visible(images: np.ndarray, channels: Sequence[int] = ()) -> np.ndarray:
    """Return what people see of images of any number of channels, uint8[..., 1 or 3].

    Args:
      images: uint8[..., C].
      channels: those to show, one or three. () for all of 1 or 3; of 2 or 4 the last is transparency, over white; of
        more the first three.

    Raises:
      ValueError: channels that there are not, or another number of them.
    """
    count = images.shape[-1]
    if channels:
        if len(channels) not in (1, 3) or not all(0 <= channel < count for channel in channels):
            raise UserError(f"config.sample.channels is {tuple(channels)}; expected one or three of 0 to {count - 1}.")
        return images[..., list(channels)]
    if count in (2, 4):
        opaque = images[..., -1:].astype(np.uint16)
        return ((images[..., :-1] * opaque + 255 * (255 - opaque) + 127) // 255).astype(np.uint8)
    return images[..., :3] if count > 3 else images


def to_levels(images: np.ndarray, levels: tuple[float, float]) -> np.ndarray:
    """Return images float[...] in [-1, 1] as float32 values from low to high, the data's own."""
    low, high = levels
    return (low + (np.asarray(images, np.float64) + 1) * ((high - low) / 2)).astype(np.float32)
