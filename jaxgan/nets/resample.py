"""Upsampling and downsampling of feature maps by 2, with the low-pass filter [1, 3, 3, 1] along each axis.

References:
  Karras, Laine, Aittala, Hellsten, Lehtinen and Aila, "Analyzing and Improving the Image Quality of StyleGAN", 2020;
  Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN!", 2024. Both pad with zeros, so a constant
  map is darker at its border.
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax

from jaxgan.base.types import Array


def upsample(x: Array) -> Array:
    """Map float[B, H, W, C] to float[B, 2 H, 2 W, C]: along each axis 3/4 of the nearest value, 1/4 of the next."""
    for axis in 1, 2:
        before, after = _neighbours(x, axis)
        x = jnp.stack([(3 * x + before) / 4, (3 * x + after) / 4], axis + 1)
        x = x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])
    return x


def downsample(x: Array) -> Array:
    """Map float[B, 2 H, 2 W, C] to float[B, H, W, C]: along each axis (1, 3, 3, 1) / 8 of four neighbours."""
    for axis in 1, 2:
        pairs = x.reshape(*x.shape[:axis], -1, 2, *x.shape[axis + 1 :])
        first, second = jnp.moveaxis(pairs, axis + 1, 0)
        x = (_neighbours(second, axis)[0] + 3 * (first + second) + _neighbours(first, axis)[1]) / 8
    return x


def _neighbours(x: Array, axis: int) -> tuple[Array, Array]:
    """Return the previous and the next value at each position along an axis; zeros beyond the ends."""
    size, pads = x.shape[axis], [(0, 0)] * x.ndim
    pads[axis] = (1, 1)
    padded = jnp.pad(x, pads)
    return lax.slice_in_dim(padded, 0, size, axis=axis), lax.slice_in_dim(padded, 2, size + 2, axis=axis)
