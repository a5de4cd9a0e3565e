"""How strong what holds D back is at a step."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp

from jaxgan.base.types import Array
from jaxgan.objectives import lecam
from jaxgan.training.gan import Gan


class Strength(NamedTuple):
    """Factors float32[] at a step: on gradient penalties (0: not computed), the chance of augmentations, LeCam."""

    penalty: Array | float = 1.0
    augment: Array | float = 1.0
    lecam: Array | float = 1.0


ALWAYS = Strength()


def strength_at(gan: Gan, step: Array, seen: Array) -> Strength:
    """Return how strong penalties and augmentations are at a step, with so many real images seen before."""
    penalty = gan.burn_in.value(gan.burn_in.penalty, 1.0, seen)
    every = gan.penalty_interval
    return Strength(
        penalty=penalty if every == 1 else jnp.where(step % every == 0, every * penalty, 0.0),
        augment=gan.burn_in.value(gan.burn_in.augment, 1.0, seen),
        lecam=jnp.where(step < lecam.START, 0.0, 1.0) if gan.lecam else 0.0,
    )
