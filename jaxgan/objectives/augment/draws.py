"""Random numbers for each image. They are those of the global batch on any number of devices."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jaxgan.base import axis
from jaxgan.base.types import Array


def uniform(key: Array, images: Array, low: float, high: float) -> Array:
    """Draw float[B, 1, 1, 1] from U(low, high)."""
    return axis.share(jax.random.uniform(key, (_rows(images), 1, 1, 1), images.dtype, low, high))


def normal(key: Array, images: Array, shape: tuple[int, ...] = (1, 1, 1)) -> Array:
    """Draw float[B, *shape] from N(0, 1)."""
    return axis.share(jax.random.normal(key, (_rows(images), *shape), images.dtype))


def integer(key: Array, images: Array, low: int, high: int) -> Array:
    """Draw int32[B] uniformly from low..high, both included."""
    return axis.share(jax.random.randint(key, (_rows(images),), low, high + 1, jnp.int32))


def gate(key: Array, images: Array, p: Array | float, changed: Array, unchanged: Array | float) -> Array:
    """Return `changed` [B, ...] with probability p for each image, else `unchanged`."""
    fires = uniform(key, images, 0, 1) < p
    return jnp.where(fires.reshape(-1, *(1,) * (changed.ndim - 1)), changed, unchanged)


def along(values: Array, axis: int) -> Array:
    """Reshape [n] or [B, n] so that n lies along one axis of images [B, H, W, C]."""
    shape = [-1, 1, 1, 1]
    shape[axis] = values.shape[-1]
    return values.reshape(shape)


def _rows(images: Array) -> int:
    return images.shape[0] * axis.size()
