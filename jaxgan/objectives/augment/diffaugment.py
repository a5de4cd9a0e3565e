"""Operations of DiffAugment: (key, images float[B, H, W, C] in [-1, 1]) -> images of the same shape.

References:
  Zhao, Liu, Lin, Zhu and Han, "Differentiable Augmentation for Data-Efficient GAN Training", 2020; the numbers are
  those of its published code.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.base.types import Array
from jaxgan.objectives.augment import draws


def brightness(key: Array, images: Array) -> Array:
    """Add a number from U(-0.5, 0.5)."""
    return images + draws.uniform(key, images, -0.5, 0.5)


def saturation(key: Array, images: Array) -> Array:
    """Scale the deviation of the channels from their mean by a number from U(0, 2); grey images do not change."""
    mean = images.mean(-1, keepdims=True)
    return (images - mean) * draws.uniform(key, images, 0.0, 2.0) + mean


def contrast(key: Array, images: Array) -> Array:
    """Scale the deviation of the pixels from the image's mean by a number from U(0.5, 1.5)."""
    mean = images.mean((1, 2, 3), keepdims=True)
    return (images - mean) * draws.uniform(key, images, 0.5, 1.5) + mean


def translation(key: Array, images: Array) -> Array:
    """Shift by whole pixels, up to H / 8 and W / 8; mid-grey fills the rest."""
    for side, own in zip((1, 2), jax.random.split(key), strict=True):
        size = images.shape[side]
        most = int(size / 8 + 0.5)
        shift = draws.integer(own, images, -most, most)
        source = jnp.arange(size).reshape(1, size) + shift[:, None]
        inside = draws.along((source >= 0) & (source < size), side)
        moved = jnp.take_along_axis(images, draws.along(jnp.clip(source, 0, size - 1), side), side)
        images = jnp.where(inside, moved, 0)
    return images


def cutout(key: Array, images: Array) -> Array:
    """Fill a rectangle of H / 2 x W / 2 with mid-grey; its centre is uniform over the image."""
    hidden = jnp.ones((len(images), 1, 1, 1), bool)
    for side, own in zip((1, 2), jax.random.split(key), strict=True):
        size = images.shape[side]
        cut = int(size / 2 + 0.5)
        start = draws.integer(own, images, 0, size - cut % 2) - cut // 2
        place = jnp.arange(size).reshape(1, size) - start[:, None]
        hidden &= draws.along((place >= 0) & (place < cut), side)
    return jnp.where(hidden, 0, images)
