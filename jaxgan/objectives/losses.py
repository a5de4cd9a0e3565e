"""Adversarial losses on logits, element by element; the caller takes the mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import jax

from jaxgan.base import checks
from jaxgan.base.types import Array


@dataclasses.dataclass(frozen=True)
class AdversarialLoss:
    """Three functions from logits float[B] to losses float[B].

    Attributes:
      d_real: the discriminator's loss on real pictures.
      d_fake: the discriminator's loss on generated pictures.
      g: the generator's loss, from the discriminator's logits of its pictures.
    """

    d_real: Callable[[Array], Array]
    d_fake: Callable[[Array], Array]
    g: Callable[[Array], Array]


def negative_log_sigmoid(logits: Array) -> Array:
    """Return -log(sigmoid(l)) = log(1 + exp(-l)), finite for every finite logit."""
    return jax.nn.softplus(-logits)


# d_real = -log D(x), d_fake = -log(1 - D(G(z))), g = -log D(G(z)), with D = sigmoid(logit).
# Goodfellow et al., "Generative Adversarial Nets", 2014, equation 1 and the end of section 3.
NON_SATURATING = AdversarialLoss(d_real=negative_log_sigmoid, d_fake=jax.nn.softplus, g=negative_log_sigmoid)

LOSSES = {"non_saturating": NON_SATURATING}


def get(name: str) -> AdversarialLoss:
    """Return a loss by its name in `config.loss`; ValueError where there is none."""
    checks.one_of("config.loss", name, LOSSES)
    return LOSSES[name]
