"""Policies of differentiable augmentations. D sees augmented images only, real and generated, in both steps.

Each image has its own random numbers. Gradients flow through the augmentation to G.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.objectives.augment import ada, diffaugment, draws

Operation = Callable[[Array, Array, Array | float], Array]  # (key, images in [-1, 1], p) -> images


@dataclasses.dataclass(frozen=True)
class Augment:
    """Augmentation operations, applied in order.

    Attributes:
      operations: each (key, images float[B, H, W, C] in [-1, 1], p) -> images of the same shape.
      p: probability of each operation for each image, in [0, 1].

    Raises:
      UserError: p is out of range.
    """

    operations: tuple[Operation, ...]
    p: float = 1.0

    def __post_init__(self) -> None:
        checks.in_range("config.augment_p", self.p, 0, 1)

    def __call__(
        self,
        key: Array,
        images: Array,
        image_range: tuple[float, float] = (-1.0, 1.0),
        strength: Array | float = 1.0,
    ) -> Array:
        """Return augmented images.

        Args:
          key: typed key.
          images: float[B, H, W, C].
          image_range: (low, high) of their pixels. The middle fills areas that are cut out or shifted in.
          strength: factor on p; the product is at most 1.

        Returns:
          float[B, H, W, C]; pixels may lie outside of the range.
        """
        low, high = image_range
        middle, half = (low + high) / 2, (high - low) / 2
        x = (images - middle) / half
        p = self.p * strength
        p = min(p, 1.0) if isinstance(p, float) else jnp.minimum(p, 1.0)
        for operation, own in zip(self.operations, jax.random.split(key, len(self.operations)), strict=True):
            x = operation(own, x, p)
        return x * half + middle


def _sometimes(operation: Callable[[Array, Array], Array]) -> Operation:
    """Return an operation with a probability; with p = 1 its random numbers are those of the plain operation."""

    def apply(key: Array, images: Array, p: Array | float) -> Array:
        if isinstance(p, float) and p == 1:
            return operation(key, images)
        chance_key, key = jax.random.split(key)
        return draws.gate(chance_key, images, p, operation(key, images), images)

    return apply


def _of_colours(operation: Operation) -> Operation:
    """Return an operation that leaves the last channel of 2 or 4 alone, which is transparency."""

    def apply(key: Array, images: Array, p: Array | float) -> Array:
        if images.shape[-1] not in (2, 4):
            return operation(key, images, p)
        return jnp.concatenate([operation(key, images[..., :-1], p), images[..., -1:]], -1)

    return apply


# Operations of each name in `config.augment`, as in the published policies.
OPERATIONS: dict[str, tuple[Operation, ...]] = {
    "color": tuple(
        _of_colours(_sometimes(one)) for one in (diffaugment.brightness, diffaugment.saturation, diffaugment.contrast)
    ),
    "translation": (_sometimes(diffaugment.translation),),
    "cutout": (_sometimes(diffaugment.cutout),),
    "ada_blit": (ada.blit,),
    "ada_geometry": (ada.geometry,),
    "ada_color": (_of_colours(ada.color),),
    "ada_noise": (ada.noise,),
    "ada_cutout": (ada.cutout,),
}


def from_policy(policy: str, p: float = 1.0) -> Augment | None:
    """Return the augmentation of a policy, or None for an empty one.

    Args:
      policy: names of OPERATIONS with commas between, such as 'color,translation,cutout'. 'ada_color:0.5' gives an
        operation half the probability of the others.
      p: probability of the operations, in [0, 1].

    Raises:
      UserError: an unknown name, a factor that is no number from 0 to 1, or p out of range.
    """
    operations: list[Operation] = []
    for part in filter(None, map(str.strip, policy.split(","))):
        name, _, factor = part.partition(":")
        checks.one_of("config.augment", name, OPERATIONS)
        operations += [_less_often(op, _factor(part)) for op in OPERATIONS[name]] if factor else OPERATIONS[name]
    return Augment(tuple(operations), p) if operations else None


def _less_often(operation: Operation, factor: float) -> Operation:
    """Return an operation whose probability is scaled by `factor`."""
    return lambda key, images, p: operation(key, images, factor * p)


def _factor(part: str) -> float:
    try:
        factor = float(part.partition(":")[2])
    except ValueError:
        factor = -1.0
    if not 0 <= factor <= 1:
        raise UserError(f"config.augment has {part!r}; expected a factor from 0 to 1, as in ada_color:0.5.")
    return factor
