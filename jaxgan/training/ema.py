"""Averages of a generator's variables over training, from which images are drawn."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import optax

from jaxgan.base.types import Array, PyTree
from jaxgan.training import power_ema
from jaxgan.training.gan import Gan
from jaxgan.training.state import GanState


def average(share: Array | float, ema: PyTree, new: PyTree) -> PyTree:
    """Move an average towards new variables: ema <- (1 - share) ema + share new."""
    return optax.incremental_update(new, ema, share)


def by_decay(decay: float, step: Array) -> Array:
    """Return the share of the new variables; the decay warms up, so that the start is soon forgotten.

        1 - min(decay, (1 + step) / (10 + step))

    Args:
      decay: weight of the old average, in 0..1; 0 copies the new variables.
      step: int32[], training steps made before this one.
    """
    return 1 - jnp.minimum(decay, (1 + step) / (10 + step))


def by_half_life(half_life: Array | float, ramp: float, seen: Array, per_step: int) -> Array:
    """Return the share of the new variables that halves what the average holds over so many images.

        1 - 0.5^(per_step / h),   h = min(half_life, ramp * seen), or half_life where ramp is 0

    Args:
      half_life: in real images.
      ramp: bound on h as a share of the images seen.
      seen: float32[], real images before this step.
      per_step: real images of a step.

    References:
      Karras et al., "Training Generative Adversarial Networks with Limited Data", 2020, appendix; its published code.
    """
    bounded = jnp.minimum(half_life, ramp * seen) if ramp else half_life
    return -jnp.expm1(-math.log(2) * per_step / jnp.maximum(bounded, 1e-8))


def move_averages(gan: Gan, state: GanState, seen: Array, per_step: int) -> GanState:
    """Move the averages of the generator towards its present variables.

    Args:
      gan: how they are averaged.
      state: with the new generator, before its step is counted.
      seen: float32[], real images before this step.
      per_step: real images of a step.
    """
    ema = average(_share(gan, state.step, seen, per_step), state.ema, state.g.variables)
    shares = [power_ema.share(std, state.step) for std in gan.ema_stds]
    tracks = [average(*moved, state.g.variables) for moved in zip(shares, state.tracks, strict=True)]
    return state.replace(ema=ema, tracks=tuple(tracks))


def _share(gan: Gan, step: Array, seen: Array, per_step: int) -> Array:
    if not isinstance(gan.ema_half_life, jax.Array) and not gan.ema_half_life:
        return by_decay(gan.ema_decay, step)
    half_life = gan.burn_in.value(gan.burn_in.ema_half_life * gan.ema_half_life, gan.ema_half_life, seen)
    return by_half_life(half_life, gan.ema_ramp, seen, per_step)
