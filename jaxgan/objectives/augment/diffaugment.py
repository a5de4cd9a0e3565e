"""The operations of DiffAugment, each (key, images float[B, H, W, C] in [-1, 1]) -> images of that shape.

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
    """Scale the distance of the channels from their mean by a number from U(0, 2); grey images stay."""
    mean = images.mean(-1, keepdims=True)
    return (images - mean) * draws.uniform(key, images, 0.0, 2.0) + mean


def contrast(key: Array, images: Array) -> Array:
    """Scale the distance of the pixels from the image's mean by a number from U(0.5, 1.5)."""
    mean = images.mean((1, 2, 3), keepdims=True)
    return (images - mean) * draws.uniform(key, images, 0.5, 1.5) + mean


def translation(key: Array, images: Array) -> Array:
    """Shift by up to an eighth of each side, in whole pixels; what moves in is mid-grey."""
    for side, own in zip((1, 2), jax.random.split(key), strict=True):
        size = images.shape[side]
        most = int(size / 8 + 0.5)
        shift = draws.integer(own, images, -most, most)
        source = jnp.arange(size).reshape(1, size) + shift[:, None]
        shape = [len(images), 1, 1, 1]
        shape[side] = size
        inside = ((source >= 0) & (source < size)).reshape(shape)
        moved = jnp.take_along_axis(images, jnp.clip(source, 0, size - 1).reshape(shape), side)
        images = jnp.where(inside, moved, 0)
    return images


def cutout(key: Array, images: Array) -> Array:
    """Make a rectangle of half of each side mid-grey, around a point anywhere in the image."""
    hidden = jnp.ones((len(images), 1, 1, 1), bool)
    for side, own in zip((1, 2), jax.random.split(key), strict=True):
        size = images.shape[side]
        cut = int(size / 2 + 0.5)
        start = draws.integer(own, images, 0, size - cut % 2) - cut // 2
        shape = [len(images), 1, 1, 1]
        shape[side] = size
        place = jnp.arange(size).reshape(1, size) - start[:, None]
        hidden &= ((place >= 0) & (place < cut)).reshape(shape)
    return jnp.where(hidden, 0, images)
