"""LeCam regularisation: a penalty on logits of D far from their running means, for few training images.

References:
  Tseng, Jiang, Liu, Yang and Yang, "Regularizing Generative Adversarial Networks under Limited Data", 2021, equation 4.
  Decay and start are those of its published code.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.nn import relu

from jaxgan.base import axis
from jaxgan.base.types import Array

DECAY = 0.99
START = 1_000  # training step at which it starts; until then the anchors are the last batch's means


def initial_anchors() -> dict[str, Array]:
    """Return the initial anchors: running means of the logits of real and of generated images, float32[] each."""
    return {name: jnp.float32(0) for name in ("real", "fake")}


def moved(anchors: dict[str, Array], logits: dict[str, Array], started: Array | float) -> dict[str, Array]:
    """Update the anchors with the means of a batch's logits, over all devices.

        a <- decay a + (1 - decay) mean(logits),   decay = 0.99 started

    Args:
      anchors: old anchors.
      logits: float[B] for each kind of images that D saw, 'real' and 'fake'.
      started: float32[], 1 from step START on, 0 earlier.

    Returns:
      The new anchors.
    """
    decay = DECAY * started
    new = {name: axis.mean(jnp.mean(jax.lax.stop_gradient(seen))) for name, seen in logits.items()}
    return anchors | {name: decay * anchors[name] + (1 - decay) * mean for name, mean in new.items()}


def penalty(anchors: dict[str, Array], logits: dict[str, Array]) -> Array:
    """Return mean relu(r - a_f)^2 + mean relu(a_r - f)^2 for anchors a and logits r, f; only terms that D saw."""
    terms = {
        "real": lambda r: jnp.mean(relu(r - anchors["fake"]) ** 2),
        "fake": lambda f: jnp.mean(relu(anchors["real"] - f) ** 2),
    }
    return jnp.sum(jnp.stack([terms[name](seen) for name, seen in logits.items()]))
