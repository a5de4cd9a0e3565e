"""Gradient penalties: terms of the discriminator's loss that keep it smooth around the images.

n(x) = |dD(x)/dx|^2 is the squared norm of the logit's gradient by one whole image, summed over pixels and channels.
Images are those before augmentation, in the range that the networks see. D must judge each image on its own: with
batch norm or minibatch statistics in D, the gradient of one logit by "its" image is not defined.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp

from jaxgan.base import axis, checks
from jaxgan.base.types import Array, Batch

Score = Callable[[Array, Array], Array]  # (images [B, H, W, C], labels [B]) -> logits [B]


@dataclasses.dataclass(frozen=True)
class Penalty:
    """One term weight * mean(value) of D's loss, which `rule.d_loss_weight` does not scale.

    Attributes:
      name: its metrics are `d/<name>`, the mean of `value` before the weight.
      weight: factor on the mean.
      value: (score, real, fake, key) -> float[B]. Where `sides` names one kind, the other may be None.
      sides: which images it looks at.
    """

    name: str
    weight: float
    value: Callable[[Score, Batch | None, Batch | None, Array], Array]
    sides: tuple[str, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.weight, jax.Array):  # those of replicas were checked before
            checks.in_range(f"the weight of penalty {self.name}", self.weight, 0)


def squared_gradient(score: Score, batch: Batch) -> Array:
    """Return n(x) float[B] of each image."""
    # The sum over the batch has the gradients of all images, for each logit depends on its own image alone.
    gradient = jax.grad(lambda x: jnp.sum(score(x, batch.labels)))(batch.images)
    return jnp.sum(jnp.square(gradient), tuple(range(1, gradient.ndim)))


def r1(score: Score, real: Batch, fake: Batch | None, key: Array) -> Array:
    """n(x) / 2 on real images; the weight is gamma.

    References:
      Mescheder, Geiger and Nowozin, "Which Training Methods for GANs do actually Converge?", 2018, equation 9.
    """
    del fake, key
    return squared_gradient(score, real) / 2


def r2(score: Score, real: Batch | None, fake: Batch, key: Array) -> Array:
    """n(x) / 2 on generated images; the weight is gamma.

    References:
      Mescheder, Geiger and Nowozin, 2018, equation 10; with R1 in Huang et al., "The GAN is dead; long live the GAN!",
      2024, equation 3.
    """
    del real, key
    return squared_gradient(score, fake) / 2


def wgan_gp(score: Score, real: Batch, fake: Batch, key: Array) -> Array:
    """(sqrt(n(x)) - 1)^2 on points between a real and a generated image, one an image; the usual weight is 10.

    References:
      Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, equation 3.
    """
    # The root's slope is infinite at 0, where a fresh D may well be.
    return (jnp.sqrt(squared_gradient(score, between(real, fake, key)) + 1e-12) - 1) ** 2


def zero_centred(score: Score, real: Batch, fake: Batch, key: Array) -> Array:
    """n(x) on points between a real and a generated image.

    References:
      Thanh-Tung, Tran and Venkatesh, "Improving Generalization and Stability of GANs", 2019, equation 5.
    """
    return squared_gradient(score, between(real, fake, key))


def between(real: Batch, fake: Batch, key: Array) -> Batch:
    """Mix each real image with a generated one by a share from U(0, 1), and take the real one's label."""
    rows = real.images.shape[0] * axis.size()
    share = axis.share(jax.random.uniform(key, (rows, *(1,) * (real.images.ndim - 1)), real.images.dtype))
    return Batch(share * real.images + (1 - share) * fake.images, real.labels)


# name in config.penalty: (value, images it looks at)
PENALTIES = {
    "r1": (r1, ("real",)),
    "r2": (r2, ("fake",)),
    "wgan_gp": (wgan_gp, ("real", "fake")),
    "zero_centred": (zero_centred, ("real", "fake")),
}


def from_weights(weights: Mapping[str, float]) -> tuple[Penalty, ...]:
    """Return the penalties of PENALTIES whose weight, by name, is not 0."""
    return tuple(Penalty(name, weights[name], *kind) for name, kind in PENALTIES.items() if weights.get(name))
