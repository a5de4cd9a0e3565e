"""Differentiable augmentations, shown to D in place of both kinds of pictures, in both networks' steps.

Each picture has random numbers of its own, and the gradient flows through to the generator.

References:
  Zhao, Liu, Lin, Zhu and Han, "Differentiable Augmentation for Data-Efficient GAN Training", 2020; the numbers are
  those of its published code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.base import axis, checks
from jaxgan.base.types import Array


@dataclasses.dataclass(frozen=True)
class Augment:
    """Operations in order.

    Attributes:
      operations: each (key, pictures float[B, H, W, C] in [-1, 1]) -> pictures of that shape.
      p: probability of each operation, for each picture.
    """

    operations: tuple[Callable[[Array, Array], Array], ...]
    p: float = 1.0

    def __post_init__(self):
        checks.in_range("config.augment_p", self.p, 0, 1)

    def __call__(
        self,
        key: Array,
        images: Array,
        image_range: tuple[float, float] = (-1.0, 1.0),
        strength: Array | float = 1.0,
    ) -> Array:
        """Augment a batch.

        Args:
          key: typed key.
          images: float[B, H, W, C].
          image_range: (low, high) of their pixels; the middle fills what is cut out or moved in.
          strength: factor on the probability of operations.

        Returns:
          float[B, H, W, C], perhaps beyond the range.
        """
        low, high = image_range
        middle, half = (low + high) / 2, (high - low) / 2
        x = (images - middle) / half
        always = self.p == 1 and isinstance(strength, float) and strength == 1
        for operation, own in zip(self.operations, jax.random.split(key, len(self.operations)), strict=True):
            if always:
                x = operation(own, x)
            else:
                chance, own = jax.random.split(own)
                x = jnp.where(_uniform(chance, x, 0, 1) < self.p * strength, operation(own, x), x)
        return x * half + middle


def _uniform(key: Array, images: Array, low: float, high: float) -> Array:
    """Draw float[B, 1, 1, 1], one number a picture: that of the whole batch, whatever the number of devices."""
    rows = images.shape[0] * axis.size()
    return axis.share(jax.random.uniform(key, (rows, 1, 1, 1), images.dtype, low, high))


def _integer(key: Array, images: Array, low: int, high: int) -> Array:
    """Draw int32[B] from low..high."""
    return axis.share(jax.random.randint(key, (images.shape[0] * axis.size(),), low, high + 1))


def brightness(key: Array, images: Array) -> Array:
    """Add a number from U(-0.5, 0.5)."""
    return images + _uniform(key, images, -0.5, 0.5)


def saturation(key: Array, images: Array) -> Array:
    """Scale the distance of the channels from their mean by a number from U(0, 2); grey pictures stay."""
    mean = images.mean(-1, keepdims=True)
    return (images - mean) * _uniform(key, images, 0.0, 2.0) + mean


def contrast(key: Array, images: Array) -> Array:
    """Scale the distance of the pixels from the picture's mean by a number from U(0.5, 1.5)."""
    mean = images.mean((1, 2, 3), keepdims=True)
    return (images - mean) * _uniform(key, images, 0.5, 1.5) + mean


def translation(key: Array, images: Array) -> Array:
    """Shift by up to an eighth of each side, in whole pixels; what moves in is mid-grey."""
    for side, own in zip((1, 2), jax.random.split(key), strict=True):
        size = images.shape[side]
        most = int(size / 8 + 0.5)
        shift = _integer(own, images, -most, most)
        source = jnp.arange(size).reshape(1, size) + shift[:, None]
        shape = [len(images), 1, 1, 1]
        shape[side] = size
        inside = ((source >= 0) & (source < size)).reshape(shape)
        moved = jnp.take_along_axis(images, jnp.clip(source, 0, size - 1).reshape(shape), side)
        images = jnp.where(inside, moved, 0)
    return images


def cutout(key: Array, images: Array) -> Array:
    """Make a rectangle of half of each side mid-grey, around a point anywhere in the picture."""
    hidden = jnp.ones((len(images), 1, 1, 1), bool)
    for side, own in zip((1, 2), jax.random.split(key), strict=True):
        size = images.shape[side]
        cut = int(size / 2 + 0.5)
        start = _integer(own, images, 0, size - cut % 2) - cut // 2
        shape = [len(images), 1, 1, 1]
        shape[side] = size
        place = jnp.arange(size).reshape(1, size) - start[:, None]
        hidden &= ((place >= 0) & (place < cut)).reshape(shape)
    return jnp.where(hidden, 0, images)


# What a name in `config.augment` stands for, as the published policies do.
OPERATIONS = {
    "color": (brightness, saturation, contrast),
    "translation": (translation,),
    "cutout": (cutout,),
}


def from_policy(policy: str, p: float = 1.0) -> Augment | None:
    """Return the augmentation of a policy such as 'color,translation,cutout'; None for an empty one."""
    names = [name.strip() for name in policy.split(",") if name.strip()]
    for name in names:
        checks.one_of("config.augment", name, OPERATIONS)
    return Augment(tuple(op for name in names for op in OPERATIONS[name]), p) if names else None
