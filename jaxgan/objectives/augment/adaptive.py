"""How often images are augmented, by how surely D takes real ones for real: more where it learns them by heart.

References:
  Karras, Aittala, Hellsten, Laine, Lehtinen and Aila, "Training Generative Adversarial Networks with Limited Data",
  2020, section 3: the measure r_t. Its mean over four batches is that of the published code.
"""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.base.types import Array

INTERVAL = 4  # training steps between changes


def initial() -> dict[str, Array]:
    """Return the share float32[] of the largest probability, and the sum float32[] of r_t since its last change."""
    return {"share": jnp.float32(0), "sum": jnp.float32(0)}


def moved(
    control: dict[str, Array], sureness: Array, step: Array, target: float, speed: Array | float
) -> dict[str, Array]:
    """Move the share up where D is surer than wanted, down where it is less sure.

    Args:
      control: so far.
      sureness: float32[], r_t = mean sign(D(x)) over a batch of real images, from -1 to 1.
      step: int32[], number of the training step.
      target: of r_t.
      speed: how much the share moves in one step, as a mean.

    Returns:
      What `initial` returns, with a share from 0 to 1.
    """
    total = control["sum"] + sureness
    due = (step + 1) % INTERVAL == 0
    share = control["share"] + jnp.where(due, jnp.sign(total / INTERVAL - target) * speed * INTERVAL, 0.0)
    return {"share": jnp.clip(share, 0.0, 1.0), "sum": jnp.where(due, 0.0, total)}
