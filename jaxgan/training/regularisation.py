"""Regularisation strength per step."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp

from jaxgan.base.types import Array
from jaxgan.objectives import lecam
from jaxgan.objectives.augment import adaptive
from jaxgan.training.gan import Gan
from jaxgan.training.state import GanState


class Strength(NamedTuple):
    """Factors float32[] at a step: on gradient penalties (0: not computed), the chance of augmentations, LeCam."""

    penalty: Array | float = 1.0
    augment: Array | float = 1.0
    lecam: Array | float = 1.0


ALWAYS = Strength()


def strength_at(gan: Gan, state: GanState, seen: Array) -> Strength:
    """Return the strengths at the state's step, after `seen` real images float32[]."""
    penalty = gan.burn_in.value(gan.burn_in.penalty, 1.0, seen)
    every = gan.penalty_interval
    augment = gan.burn_in.value(gan.burn_in.augment, 1.0, seen)
    return Strength(
        penalty=penalty if every == 1 else jnp.where(state.step % every == 0, jnp.float32(every * penalty), 0.0),
        augment=state.d.batch_stats["augment"]["share"] if gan.augment_target else augment,
        lecam=jnp.where(state.step < lecam.START, 0.0, jnp.float32(1)) if gan.lecam else 0.0,
    )


def move_augmentation(
    gan: Gan, state: GanState, accuracy: Array, per_step: int, strength: Strength
) -> tuple[GanState, dict[str, Any]]:
    """Move an adaptive probability of augmentations, and return it as a metric.

    Args:
      gan: the GAN; without `augment_target` nothing happens.
      state: before its step is counted.
      accuracy: float32[], D's on the real images of this step.
      per_step: real images of a step.
      strength: at this step.
    """
    if not gan.augment_target or gan.augment is None:
        return state, {}
    stats, speed = state.d.batch_stats, per_step / gan.augment_images
    control = adaptive.moved(stats["augment"], 2 * accuracy - 1, state.step, gan.augment_target, speed)
    d = state.d.replace(batch_stats={**stats, "augment": control})
    return state.replace(d=d), {"d/augment_p": gan.augment.p * strength.augment}
