"""The description of a GAN that a training step needs."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo, PyTree
from jaxgan.objectives import augment, losses, penalties
from jaxgan.sampling.generator import GeneratorParams, Latent

Inputs = tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]  # what a network is called with, and labels

# What each fact of an UpdateRule may be.
RULE_CHOICES = {
    "order": ("d_first", "g_first", "simultaneous"),
    "d_passes": ("joint", "separate", "two_steps"),
    "latents": ("fresh", "shared"),
    "g_stats_for_d": ("batch", "running"),
    "d_stats_in_g": ("batch", "running"),
    "accuracy_stats": ("batch", "running"),
}


@dataclasses.dataclass(frozen=True)
class UpdateRule:
    """The facts in which training procedures differ. The one step in `jaxgan/training/step.py` reads them.

    Attributes:
      order: 'd_first'; 'g_first': D then sees fakes of the generator before (shared latents) or after
        (fresh ones) its update; 'simultaneous': both gradients at the old parameters.
      d_steps: discriminator updates for one of the generator, each on its own real batch.
      d_passes: how D sees the two kinds of pictures. 'joint': one pass over 2B; 'separate': two passes, so
        batch norm sees them apart, one update; 'two_steps': two passes with an update after each.
      latents: 'fresh': G's step draws its own z and labels; 'shared': one draw a step serves all updates,
        and where G goes first its very pictures serve D.
      g_stats_for_d: batch-norm statistics with which G makes D's fakes, 'batch' (the running ones move) or
        'running'.
      d_stats_in_g: batch-norm statistics that D uses in G's step, 'batch' (D's running ones move) or 'running'.
      d_loss_weight: factor on the sum of D's loss on real and on fake pictures that is minimised.
      d_loss_report: the same factor in the reported `d/loss`.
      accuracy_stats: 'batch': accuracies are those of the training passes; 'running': of extra passes in
        inference mode before any update.

    Raises:
      UserError: a word that is none of those above, fewer than one step of D, a negative weight.
    """

    order: str = "d_first"
    d_steps: int = 1
    d_passes: str = "joint"
    latents: str = "fresh"
    g_stats_for_d: str = "batch"
    d_stats_in_g: str = "batch"
    d_loss_weight: float = 0.5
    d_loss_report: float = 0.5
    accuracy_stats: str = "batch"

    def __post_init__(self):
        for name, known in RULE_CHOICES.items():
            checks.one_of(f"rule.{name}", getattr(self, name), known)
        checks.in_range("rule.d_steps", self.d_steps, 1)
        for name in "d_loss_weight", "d_loss_report":
            checks.in_range(f"rule.{name}", getattr(self, name), 0)

    @property
    def d_updates(self) -> int:
        """The discriminator's optimiser steps in one training step."""
        return self.d_steps * (2 if self.d_passes == "two_steps" else 1)


@dataclasses.dataclass(frozen=True)
class Gan:
    """Everything about a GAN that does not change while it trains.

    Attributes:
      generator: module called as (z [B, Z], labels int32[B], train=bool) -> pictures [B, H, W, C].
      discriminator: module called as (pictures, labels, train=bool) -> (logits [B], class logits [B, K] or None).
        In both, dropout is on where a 'dropout' key is given; `train` chooses batch-norm statistics only.
      latent: the law of z.
      data: shape, number and classes of the pictures it is trained on.
      image_range: (low, high) of the pixels that both networks handle.
      num_classes: K where pictures are made for a label, else None.
      loss: the adversarial loss.
      class_weight: weight of the class cross-entropy in both networks' losses.
      ema_decay: of the averaged generator, 0 for a plain copy.
      rule: the training procedure.
      penalties: further terms of D's loss.
      augment: what is done to all pictures that D sees, or None.
      precision: 'float32', or 'bfloat16' for activations and gradients of layers in training; parameters, statistics
        and losses are float32 all the same.
      matmul: how accelerators multiply float32 matrices in training, as `jax.default_matmul_precision` names it;
        'default' leaves JAX's setting alone.
      convolution: form of convolutions in training, as `jaxgan.nets.conv.forced` names it.

    Raises:
      UserError: parts that contradict each other.
    """

    generator: nn.Module
    discriminator: nn.Module
    latent: Latent
    data: DataInfo
    image_range: tuple[float, float]
    num_classes: int | None
    loss: losses.AdversarialLoss
    class_weight: float
    ema_decay: float
    rule: UpdateRule
    penalties: tuple[penalties.Penalty, ...] = ()
    augment: augment.Augment | None = None
    precision: str = "float32"
    matmul: str = "default"
    convolution: str = "auto"

    def __post_init__(self):
        if self.rule.d_passes != "two_steps":
            return
        both = [penalty.name for penalty in self.penalties if len(penalty.sides) > 1]
        if self.loss.relative or both:
            what = f"penalty {both[0]}" if both else "the loss"
            raise UserError(
                f"{what} compares real and generated pictures, but rule.d_passes is 'two_steps', which shows D one "
                "kind at a time; set rule.d_passes to 'separate' or 'joint'."
            )

    @classmethod
    def from_config(
        cls,
        config: Config,
        data: DataInfo,
        *,
        generator: nn.Module,
        discriminator: nn.Module,
        latent: Latent,
        conditional: bool = False,
    ) -> Gan:
        """Join two networks with the settings that every GAN reads in the same way.

        Raises:
          UserError: a conditional GAN is given pictures without labels, or settings that contradict each other.
        """
        if conditional and data.num_classes is None:
            raise UserError(
                f"{config.gan} is conditional, but the pictures of config.data.source={config.data.source!r} have no "
                "labels; use labelled data (for a folder: one subfolder a class) or an unconditional GAN."
            )
        return cls(
            generator=generator,
            discriminator=discriminator,
            latent=latent,
            data=data,
            image_range=tuple(config.data.range),
            num_classes=data.num_classes if conditional else None,
            loss=losses.get(config.loss),
            class_weight=config.class_weight,
            ema_decay=config.train.ema_decay,
            rule=UpdateRule(**config.rule.to_dict()),
            penalties=penalties.from_weights(config.penalty.to_dict()),
            augment=augment.from_policy(config.augment),
            precision=config.precision,
            matmul=config.matmul,
            convolution=config.convolution,
        )


def generator_params(gan: Gan, variables: dict[str, PyTree]) -> GeneratorParams:
    """Join a generator's variables, such as `state.ema`, with its description."""
    return GeneratorParams(variables, gan.generator, gan.latent, gan.num_classes, gan.image_range)


def example_inputs(gan: Gan) -> tuple[Inputs, Inputs]:
    """Return the shapes of inputs of one row for the generator and for the discriminator."""
    z, images = ((1, *shape) for shape in (gan.latent.shape, gan.data.image_shape))
    labels = jax.ShapeDtypeStruct((1,), jnp.int32)
    return (jax.ShapeDtypeStruct(z, jnp.float32), labels), (jax.ShapeDtypeStruct(images, jnp.float32), labels)
