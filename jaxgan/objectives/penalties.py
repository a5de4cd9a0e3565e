"""Gradient penalties: terms of D's loss that keep D smooth around the images.

n(x) = |dD(x)/dx|^2 is the squared norm of the gradient of a logit by its image, over all pixels and channels. Images
are taken before augmentation, in the networks' range. D must judge each image on its own. With batch norm or minibatch
statistics in D, a logit depends on other images too, and the penalty is not defined.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base import axis, checks, draws
from jaxgan.base.types import Array, Batch
from jaxgan.parts import Parts, check_call

SIGMA = 0.01  # of the noise that finite differences are taken with, in the networks' range

Score = Callable[[Array, Array], Array]  # (images [B, H, W, C], labels [B]) -> logits [B]


@dataclasses.dataclass(frozen=True)
class Penalty:
    """A term weight * mean(value) of D's loss. `rule.d_loss_weight` does not scale it.

    Attributes:
      name: its metric is `d/<name>`, the mean of `value` without the weight.
      weight: factor on the mean, at least 0.
      value: (score, real, fake, key) -> float[B]. A batch that `sides` does not name may be None.
      sides: the images that it uses, 'real', 'fake' or both.

    Raises:
      UserError: a negative weight.
    """

    name: str
    weight: float
    value: Callable[[Score, Batch | None, Batch | None, Array], Array]
    sides: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.weight, jax.Array):  # a traced weight, of many seeds, was checked earlier
            checks.in_range(f"the weight of penalty {self.name}", self.weight, 0)


def squared_gradient(score: Score, batch: Batch) -> Array:
    """Return n(x) for each image, float[B]."""
    # Each logit depends on its own image only. So the gradient of their sum holds the gradients of all images.
    gradient = jax.grad(lambda x: jnp.sum(score(x, batch.labels)))(batch.images)
    return jnp.sum(jnp.square(gradient), tuple(range(1, gradient.ndim)))


def r1(score: Score, real: Batch, fake: Batch | None, key: Array) -> Array:
    """Return n(x) / 2 on real images, float[B]; the weight is gamma.

    References:
      Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", 2018, equation 9.
    """
    del fake, key
    return squared_gradient(score, real) / 2


def r2(score: Score, real: Batch | None, fake: Batch, key: Array) -> Array:
    """Return n(x) / 2 on generated images, float[B]; the weight is gamma.

    References:
      Mescheder, Geiger and Nowozin, 2018, equation 10; with R1 in Huang et al., "The GAN is dead; long live the GAN!",
      2024, equation 3.
    """
    del real, key
    return squared_gradient(score, fake) / 2


def approx_r1(score: Score, real: Batch, fake: Batch | None, key: Array) -> Array:
    """Return (D(x) - D(x + s e))^2 / (2 s^2) on real images, float[B], for e from N(0, 1) and s = SIGMA.

    Over e its mean is n(x) / 2, plus terms of order s^2, so the weight is the gamma of R1. No second derivative is
    needed. The weight in the paper, which does not divide, is gamma / (2 s^2).

    References:
      Lin, Xia, Ren, Yang, Xiao and Jiang, "Diffusion Adversarial Post-Training for One-Step Video Generation", 2025
      (arXiv 2501.08316), the approximated R1 loss. R2 likewise in Lin et al., "Adversarial Flow Models", 2025 (arXiv
      2511.22475), whose published code has the same s.
    """
    del fake
    return squared_difference(score, real, key) / 2


def approx_r2(score: Score, real: Batch | None, fake: Batch, key: Array) -> Array:
    """Return (D(x) - D(x + s e))^2 / (2 s^2) on generated images, float[B]; see `approx_r1`."""
    del real
    return squared_difference(score, fake, key) / 2


def squared_difference(score: Score, batch: Batch, key: Array, sigma: float = SIGMA) -> Array:
    """Return (D(x) - D(x + sigma e))^2 / sigma^2 for each image, float[B], with e from N(0, 1)."""
    num, *shape = batch.images.shape
    noise = axis.share(draws.normal(key, (num * axis.size(), *shape)))
    moved = score(batch.images + sigma * noise, batch.labels)
    return jnp.square((moved - score(batch.images, batch.labels)) / sigma)


def wgan_gp(score: Score, real: Batch, fake: Batch, key: Array) -> Array:
    """Return (sqrt(n(x)) - 1)^2 on points between real and generated images, float[B]; the usual weight is 10.

    References:
      Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, equation 3.
    """
    # The derivative of the root is infinite at 0, the gradient norm of many a fresh D.
    return (jnp.sqrt(squared_gradient(score, between(real, fake, key)) + 1e-12) - 1) ** 2


def zero_centred(score: Score, real: Batch, fake: Batch, key: Array) -> Array:
    """Return n(x) on points between real and generated images, float[B].

    References:
      Thanh-Tung, Tran and Venkatesh, "Improving Generalization and Stability of GANs", 2019, equation 5.
    """
    return squared_gradient(score, between(real, fake, key))


def between(real: Batch, fake: Batch, key: Array) -> Batch:
    """Return u real + (1 - u) fake with one u from U(0, 1) for each pair, and the labels of the real images."""
    rows = real.images.shape[0] * axis.size()
    share = axis.share(jax.random.uniform(key, (rows, *(1,) * (real.images.ndim - 1)), real.images.dtype))
    return Batch(share * real.images + (1 - share) * fake.images, real.labels)


def _made(name: str, given: Any) -> Penalty:
    if not isinstance(given, Penalty):
        raise checks.UserError(f"the penalty {name!r} is {type(given).__name__}; expected a jaxgan.Penalty.")
    check_call(f"the value of the penalty {name!r}", given.value, "score, real, fake, key")
    return given


# Those of config.penalty, where each has a weight.
_BUNDLED = {
    "r1": (r1, ("real",)),
    "r2": (r2, ("fake",)),
    "approx_r1": (approx_r1, ("real",)),
    "approx_r2": (approx_r2, ("fake",)),
    "wgan_gp": (wgan_gp, ("real", "fake")),
    "zero_centred": (zero_centred, ("real", "fake")),
}
PENALTIES = Parts("config.penalty.own", {name: Penalty(name, 1.0, *kind) for name, kind in _BUNDLED.items()}, _made)


def register_penalty(penalty: Penalty) -> None:
    """Let `config.penalty.own` name a penalty of your own in this process, by the penalty's name.

    Raises:
      UserError: the name of a bundled penalty, or what is no penalty.
    """
    PENALTIES.add(getattr(penalty, "name", ""), penalty)


def from_weights(weights: Mapping[str, Any]) -> tuple[Penalty, ...]:
    """Return the penalties whose weight is not 0, and a user's own.

    Args:
      weights: weight for each bundled penalty; `own`, a list of others with `own_weight`, a factor on their weights.
        Other names are ignored, missing ones count as 0.
    """
    own = [PENALTIES.find(name.strip()) for name in weights.get("own", "").split(",") if name.strip()]
    weighted = [(PENALTIES[name], weights[name]) for name in PENALTIES.bundled if weights.get(name)]
    weighted += [(one, weights.get("own_weight", 1.0) * one.weight) for one in own]
    return tuple(dataclasses.replace(one, weight=weight) for one, weight in weighted)
