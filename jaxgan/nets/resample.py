"""Maps of twice and of half the size, through the low-pass filter [1, 3, 3, 1] along each axis, with zeros around.

References:
  Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and Improving the Image Quality of StyleGAN", 2020;
  Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN!", 2024. Both pad with zeros, so that a
  constant map is darker at its border.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxgan.base.types import Array


def upsample(x: Array) -> Array:
    """Map [B, H, W, C] to [B, 2 H, 2 W, C]: along both axes 3/4 of the nearest value and 1/4 of the next."""
    for axis in 1, 2:
        before, after = _neighbours(x, axis)
        x = jnp.stack([(3 * x + before) / 4, (3 * x + after) / 4], axis + 1)
        x = x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
    return x


def downsample(x: Array) -> Array:
    """Map [B, 2 H, 2 W, C] to [B, H, W, C]: along both axes (1, 3, 3, 1) / 8 of four neighbours."""
    for axis in 1, 2:
        pairs = x.reshape(*x.shape[:axis], -1, 2, *x.shape[axis + 1 :])
        first, second = jnp.moveaxis(pairs, axis + 1, 0)
        x = (_neighbours(second, axis)[0] + 3 * (first + second) + _neighbours(first, axis)[1]) / 8
    return x


def _neighbours(x: Array, axis: int) -> tuple[Array, Array]:
    """Return what stands before and after each value; zeros beyond the ends."""
    size, pads = x.shape[axis], [(0, 0)] * x.ndim
    pads[axis] = (1, 1)
    padded = jnp.pad(x, pads)
    return lax.slice_in_dim(padded, 0, size, axis=axis), lax.slice_in_dim(padded, 2, size + 2, axis=axis)
