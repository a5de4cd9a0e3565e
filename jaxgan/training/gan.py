"""The description of a GAN that a training step needs."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base.checks import UserError
from jaxgan.base.settings import flatten
from jaxgan.base.types import Array, Config, DataInfo, PyTree
from jaxgan.config import check_fields, fields_from, setting
from jaxgan.nets import Condition
from jaxgan.nets.projected import Aided, aided
from jaxgan.objectives import losses, penalties
from jaxgan.objectives.augment import augmentation
from jaxgan.sampling.generator import GeneratorParams, Latent
from jaxgan.training import power_ema
from jaxgan.training.burn_in import NO_BURN_IN, BurnIn

Inputs = tuple[jax.ShapeDtypeStruct, jax.ShapeDtypeStruct]  # what a network is called with, and labels


@dataclasses.dataclass(frozen=True)
class UpdateRule:
    """The facts in which training procedures differ. The one step in `jaxgan/training/step.py` reads them.

    Attributes:
      order: 'd_first'; 'g_first': D then sees fakes of the generator before (shared latents) or after
        (fresh ones) its update; 'simultaneous': both gradients at the old parameters.
      d_steps: discriminator updates for one of the generator, each on its own real batch.
      d_passes: how D sees the two kinds of images. 'joint': one pass over 2B; 'separate': two passes, so
        batch norm sees them apart, one update; 'two_steps': two passes with an update after each.
      latents: 'fresh': G's step draws its own z and labels; 'shared': one draw a step serves all updates,
        and where G goes first its very images serve D.
      g_stats_for_d: batch-norm statistics with which G makes D's fakes, 'batch' (the running ones move) or
        'running'.
      d_stats_in_g: batch-norm statistics that D uses in G's step, 'batch' (D's running ones move) or 'running'.
      d_loss_weight: factor on the sum of D's loss on real and on fake images that is minimised.
      d_loss_report: the same factor in the reported `d/loss`.
      accuracy_stats: 'batch': accuracies are those of the training passes; 'running': of extra passes in
        inference mode before any update.

    Raises:
      UserError: a word that is none of those above, fewer than one step of D, a negative weight.
    """

    order: str = setting("rule.order")
    d_steps: int = setting("rule.d_steps")
    d_passes: str = setting("rule.d_passes")
    latents: str = setting("rule.latents")
    g_stats_for_d: str = setting("rule.g_stats_for_d")
    d_stats_in_g: str = setting("rule.d_stats_in_g")
    d_loss_weight: float = setting("rule.d_loss_weight")
    d_loss_report: float = setting("rule.d_loss_report")
    accuracy_stats: str = setting("rule.accuracy_stats")

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def d_updates(self) -> int:
        """The discriminator's optimiser steps in one training step."""
        return self.d_steps * (2 if self.d_passes == "two_steps" else 1)


@dataclasses.dataclass(frozen=True)
class Gan:
    """Everything about a GAN that does not change while it trains.

    Attributes:
      generator: module called as (z [B, Z], labels, train=bool) -> images [B, H, W, C]. Labels are classes int32[B], or
        vectors float32[B, L].
      discriminator: module called as (images, labels, train=bool) -> (logits [B], class logits or None). Class logits
        are [B, K], or [B, 2, K] of twin heads, see `jaxgan.training.loss.head`; of label vectors, L numbers for K.
        In both, dropout is on where a 'dropout' key is given; `train` chooses batch-norm statistics only.
      latent: the distribution of z.
      data: shape, number and classes of the images it is trained on.
      image_range: (low, high) of the pixels that both networks handle.
      num_classes: K where images are made for a class, else None.
      loss: the adversarial loss.
      class_weight: weight, in both networks' losses, of the loss of the labels that D tells.
      ema_decay: of the averaged generator, 0 for a plain copy.
      rule: the training procedure.
      penalties: further terms of D's loss.
      penalty_interval: penalties are computed every `penalty_interval` steps, scaled by it.
      augment: what is done to all images that D sees, or None.
      augment_target: the mean sign of D's logits of real images that the probability of augmentations is moved for,
        between 0, where it begins, and `augment.p`; 0 for a fixed one. See `jaxgan.objectives.augment.adaptive`.
      augment_images: real images after which it can have gone all that way.
      lecam: weight of `jaxgan.objectives.lecam` in D's loss.
      projected: weight of the loss of a second discriminator on frozen features beside that of D, which then is an
        `jaxgan.nets.projected.Aided`. Penalties, accuracies and classes are those of D alone.
      pack: images that D sees at once, laid over each other along the channels: one logit for all of them, so a
        generator that makes few kinds of images gives itself away. `discriminator` is called with [B / pack, H, W,
        pack C]. Lin, Khetan, Fanti and Oh, "PacGAN: The power of two samples in generative adversarial networks", 2018.
      burn_in: what the settings above start from.
      ema_half_life: of the averaged generator in images, instead of `ema_decay`; 0 for that.
      ema_ramp: bound on the half-life, as a share of the images seen; 0 for none.
      ema_stds: relative widths of further averages that are kept, see `jaxgan.training.power_ema`.
      microbatches: parts in which a device goes through its images, for batches whose maps do not fit in memory. The
        gradients are those of the whole batch where each image is judged on its own. Statistics of a batch (batch
        norm, minibatch deviation, LeCam's anchors, averages of relative losses) are those of a part, and running ones
        move once a part.
      precision: 'float32', or 'bfloat16' for activations and gradients of layers in training; parameters, statistics
        and losses are float32 all the same.
      matmul: how accelerators multiply float32 matrices in training, as `jax.default_matmul_precision` names it;
        'default' leaves JAX's setting alone.
      convolution: form of convolutions in training, as `jaxgan.nets.conv.forced` names it.
      label_size: L where images are made for a label vector, else 0. In training, generated images have the vectors of
        the real images in the batch.

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
    class_weight: float = setting("class_weight")
    ema_decay: float = setting("train.ema_decay")
    rule: UpdateRule = UpdateRule()
    penalties: tuple[penalties.Penalty, ...] = ()
    penalty_interval: int = setting("penalty.interval")
    lecam: float = setting("penalty.lecam")
    projected: float = setting("projected.weight")
    pack: int = setting("pack")
    augment: augmentation.Augment | None = None
    augment_target: float = setting("augment_target")
    augment_images: int = setting("augment_images")
    burn_in: BurnIn = NO_BURN_IN
    ema_half_life: float = setting("train.ema_half_life")
    ema_ramp: float = setting("train.ema_ramp")
    ema_stds: tuple[float, ...] = setting("train.ema_stds")
    microbatches: int = setting("train.microbatches")
    precision: str = setting("precision")
    matmul: str = setting("matmul")
    convolution: str = setting("convolution")
    label_size: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
        power_ema.check_widths(self.ema_stds)
        if self.pack > 1 and (self.num_classes is not None or self.label_size):
            raise UserError(
                f"pack is {self.pack}, which shows D several images at once, but this GAN's images have classes of "
                "their own; set config.pack to 1, or use an unconditional GAN."
            )
        if self.augment_target:
            _check_adaptive(self)
        if self.projected and not isinstance(self.discriminator, Aided):
            raise UserError(
                f"projected is {self.projected}, but D is no jaxgan.nets.projected.Aided; make the GAN by "
                "Gan.from_config, or set it to 0."
            )
        if self.penalties:
            _check_per_image(self)
        if self.rule.d_passes != "two_steps":
            return
        both = [penalty.name for penalty in self.penalties if len(penalty.sides) > 1]
        if self.loss.relative or both:
            what = f"penalty {both[0]}" if both else "the loss"
            raise UserError(
                f"{what} compares real and generated images, but rule.d_passes is 'two_steps', which shows D one "
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
        takes_vectors: bool = False,
    ) -> Gan:
        """Join two networks with the settings that every GAN reads in the same way.

        Args:
          config: of the GAN.
          data: of its images.
          generator, discriminator, latent: see `Gan`.
          conditional: whether the networks take labels.
          takes_vectors: whether these may be vectors.

        Raises:
          UserError: a conditional GAN is given images without labels, or with label vectors that it does not take; or
            settings that contradict each other.
        """
        if features := config.data.instance_features:
            given = f"config.data.instance_features is {features}, but "
            if not (conditional and takes_vectors):
                raise UserError(
                    f"{given}{config.gan} takes no label vectors; use the cgan, compact or r3gan GAN, or set it to 0."
                )
            if data.label_size != features:
                raise UserError(f"{given}only jaxgan.train computes them; set it to 0 in a loop of your own.")
        if conditional and data.label_size and not takes_vectors:
            raise UserError(
                f"{config.gan} takes classes, but the images have label vectors of {data.label_size} numbers; use the "
                "cgan, compact or r3gan GAN, or choose one column of classes by config.data.labels."
            )
        if conditional and not data.has_labels:
            raise UserError(
                f"{config.gan} is conditional, but the images of config.data.source={config.data.source!r} have no "
                "labels; use labelled data (subfolders of a folder, or columns of a table by config.data.labels), or "
                "an unconditional GAN."
            )
        if config.projected.weight:
            condition = Condition.of(data, conditional=conditional)
            discriminator = aided(discriminator, config, condition)
        settings = flatten(config)
        return cls(
            generator=generator,
            discriminator=discriminator,
            latent=latent,
            data=data,
            image_range=tuple(config.data.range),
            num_classes=data.num_classes if conditional else None,
            label_size=data.label_size if conditional else 0,
            loss=losses.get(config.loss, config.label_smoothing),
            rule=UpdateRule(**fields_from(UpdateRule, settings)),
            penalties=penalties.from_weights(config.penalty),
            augment=augmentation.from_policy(config.augment, config.augment_p),
            burn_in=BurnIn(**fields_from(BurnIn, settings)),
            **fields_from(cls, settings),
        )


def _check_adaptive(gan: Gan) -> None:
    """Raise UserError where augmentations cannot follow D's sureness."""
    given = f"augment_target is {gan.augment_target}, "
    if gan.augment is None:
        raise UserError(f"{given}but nothing is augmented; set config.augment, such as to ada_blit,ada_geometry.")
    if gan.loss.relative:
        raise UserError(
            f"{given}which is of the signs of D's logits, but with this loss only their differences mean anything; set "
            "config.augment_target to 0 and config.augment_p, or another config.loss, such as non_saturating."
        )
    if gan.burn_in.images and gan.burn_in.augment != 1:
        raise UserError(f"{given}but config.burn_in.augment moves the same probability; set one of the two.")


def _check_per_image(gan: Gan) -> None:
    """Raise UserError where D does not judge each image on its own, as gradient penalties need."""
    name = gan.penalties[0].name
    why = f"penalty {name} is the gradient of one image's logit, but D "
    if gan.pack > 1:
        raise UserError(f"{why}judges {gan.pack} images at once; set config.pack to 1, or leave the penalty out.")
    module = gan.discriminator.own if isinstance(gan.discriminator, Aided) else gan.discriminator
    if getattr(module, "group", 0):
        raise UserError(
            f"{why}compares the images of a batch (minibatch standard deviation); set config.model.d_group to 0, or "
            "leave the penalty out."
        )
    init = functools.partial(module.init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), *example_inputs(gan)[1])
    statistics = {path[-1].key for path, _ in jax.tree_util.tree_leaves_with_path(variables.get("batch_stats", {}))}
    if {"mean", "var"} <= statistics:
        raise UserError(
            f"{why}has batch norm, which mixes the images of a batch; set config.model.d_norm to none, group, layer "
            "or spectral, or leave the penalty out."
        )


def generator_params(gan: Gan, variables: dict[str, PyTree]) -> GeneratorParams:
    """Join a generator's variables, such as `state.ema`, with its description.

    Batch-norm statistics are those given; `jaxgan.standing_statistics` makes an average's own, as `jaxgan.load` does of
    a run with config.train.ema_stats "standing".
    """
    labels = (gan.data.label_names, gan.data.label_table) if gan.num_classes or gan.label_size else ((), ())
    return GeneratorParams(
        variables, gan.generator, gan.latent, gan.num_classes, gan.image_range, gan.label_size, *labels
    )


def example_inputs(gan: Gan) -> tuple[Inputs, Inputs]:
    """Return the shapes of inputs of one row for the generator and for the discriminator."""
    height, width, channels = gan.data.image_shape
    z, images = (1, *gan.latent.shape), (1, height, width, channels * gan.pack)
    label = gan.data.label
    labels = jax.ShapeDtypeStruct((1, *label.shape), label.dtype)
    return (jax.ShapeDtypeStruct(z, jnp.float32), labels), (jax.ShapeDtypeStruct(images, jnp.float32), labels)


def generator_shapes(gan: Gan) -> dict[str, PyTree]:
    """Return the shapes of the generator's variables, {'params', 'batch_stats'}."""
    init = functools.partial(gan.generator.init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), *example_inputs(gan)[0])
    return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}


def check_batch(gan: Gan, images: Array, labels: Array) -> None:
    """Raise UserError unless a batch has the shapes and types that a step takes."""
    d_steps, shape = gan.rule.d_steps, gan.data.image_shape
    kind = gan.data.pixel_dtype
    expected = f"{kind}[{d_steps}, B, {', '.join(map(str, shape))}], one batch for each of D's updates"
    dtype, got = _type_and_shape(images)
    if dtype != kind or len(got) != 5 or (got[0], *got[2:]) != (d_steps, *shape):
        raise UserError(f"images are {dtype}{list(got)}; expected {expected}: pixels 0..255 as the source gives them.")
    dtype, given = _type_and_shape(labels)
    wanted = (*got[:2], *gan.data.label.shape)
    if not str(dtype).startswith(("float",) if gan.data.label_size else ("int", "uint")) or given != wanted:
        none = ", zeros where the images have none" * (not gan.data.label_size)
        raise UserError(f"labels are {dtype}{list(given)}; expected {gan.data.label.dtype}{list(wanted)}{none}.")


def _type_and_shape(array: Any) -> tuple[Any, tuple[int, ...]]:
    return getattr(array, "dtype", type(array).__name__), tuple(getattr(array, "shape", ()))
