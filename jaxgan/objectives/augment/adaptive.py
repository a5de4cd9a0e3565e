"""Adaptive augmentation probability: images are augmented more often the more D overfits, by ADA's measure r_t.

References:
  Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, "Training Generative Adversarial Networks with Limited Data",
  2020, section 3. The mean of r_t over four batches is that of the published code.
"""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.base.types import Array

INTERVAL = 4  # training steps between updates of the probability


def initial() -> dict[str, Array]:
    """Return the share float32[] of the largest probability, and the sum float32[] of r_t since its last update."""
    return {"share": jnp.float32(0), "sum": jnp.float32(0)}


def moved(
    control: dict[str, Array], sureness: Array, step: Array, target: float, speed: Array | float
) -> dict[str, Array]:
    """Increase the share if r_t is above the target, else decrease it, every INTERVAL steps.

        share <- share + sign(mean r_t - target) * speed * INTERVAL, clipped to [0, 1]

    Args:
      control: share and sum, as `initial` returns them.
      sureness: float32[], r_t = mean sign(D(x)) over a batch of real images, from -1 to 1.
      step: int32[], number of the training step.
      target: target of r_t.
      speed: change of the share per step.

    Returns:
      The new share, from 0 to 1, and the new sum.
    """
    total = control["sum"] + sureness
    due = (step + 1) % INTERVAL == 0
    share = control["share"] + jnp.where(due, jnp.sign(total / INTERVAL - target) * speed * INTERVAL, 0.0)
    return {"share": jnp.clip(share, 0.0, 1.0), "sum": jnp.where(due, 0.0, total)}
