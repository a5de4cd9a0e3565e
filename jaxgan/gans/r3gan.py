"""R3GAN: plain residual networks without any normalisation, for a loss that is regularised at both ends.

References:
  Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern GAN Baseline", 2024, section 3,
  appendix D; layers and their start as in its published code. Different here: maps of all sizes have the precision of
  `config.precision`, where the reference has bfloat16 in the largest ones and float32 in the others; and G's step
  compares with the real images of D's step, where the reference draws others. Classes of generated images are drawn
  evenly, where the reference takes those of the real ones that they are compared with.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from jaxgan.base import checks, shapes
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets.conv import Conv
from jaxgan.nets.embed import Embed
from jaxgan.nets.grouped import GroupedConv
from jaxgan.nets.resample import downsample, upsample
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

SLOPE = 0.2  # of leaky ReLU
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # keeps the variance through it


def scaled(gain: float) -> Initializer:
    """Return N(0, gain^2 / fan_in)."""
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


class Block(nn.Module):
    """x + conv1x1(act(conv3x3 in groups(act(conv1x1(x))))); the last convolution starts at zero.

    Attributes:
      group_size: channels of a group.
      expansion: channels inside, as a multiple of those of x.
      blocks: L, residual blocks of the whole network; the first convolutions start L^(1/4) times smaller than usual.
    """

    group_size: int
    expansion: int
    blocks: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        channels, init = x.shape[-1], scaled(GAIN * self.blocks**-0.25)
        inside = self.expansion * channels
        y = Activation()(Conv(inside, 1, use_bias=False, kernel_init=init)(x))
        y = Activation()(GroupedConv(inside, 3, inside // self.group_size, init)(y))
        return x + Conv(channels, 1, use_bias=False, kernel_init=nn.initializers.zeros)(y)


class Activation(nn.Module):
    """Leaky ReLU of maps plus a number for each channel."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        return jax.nn.leaky_relu(x + bias.astype(x.dtype).reshape(1, 1, 1, -1), SLOPE)


class Network(nn.Module):
    """What both networks share: `blocks` residual blocks for each size of maps, whose channels are `widths`."""

    widths: tuple[int, ...]
    blocks: int
    group_size: int
    expansion: int

    def stage(self, x: Array) -> Array:
        """Apply the blocks of one size."""
        for _ in range(self.blocks):
            x = Block(self.group_size, self.expansion, self.blocks * len(self.widths))(x)
        return x

    def project(self, x: Array, features: int) -> Array:
        """Change the number of channels, if it is another."""
        return x if x.shape[-1] == features else Conv(features, 1, use_bias=False, kernel_init=scaled(1))(x)


class Generator(Network):
    """z [B, Z] -> images [B, H, W, C]; no function bounds them.

    Attributes:
      shape: of the images.
      classes: K, or 0 for images without classes.
      class_features: of a label, which stand beside z.
    """

    shape: tuple[int, int, int] = (0, 0, 0)
    classes: int = 0
    class_features: int = 64

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        del train
        if self.classes:
            embed = Embed(self.classes, self.class_features, nn.initializers.normal(self.classes**-0.5))
            z = jnp.concatenate([z, embed(labels)], -1)
        height, width, channels = self.shape
        factor, features = 2 ** (len(self.widths) - 1), self.widths[0]
        basis = self.param(
            "basis", nn.initializers.normal(1.0), (height // factor, width // factor, features), jnp.float32
        )
        scales = nn.Dense(features, use_bias=False, kernel_init=scaled(1))(z)
        x = self.stage(basis.astype(z.dtype)[None] * scales[:, None, None])
        for features in self.widths[1:]:
            x = self.stage(upsample(self.project(x, features)))
        return Conv(channels, 1, use_bias=False, kernel_init=scaled(1))(x)


class Discriminator(Network):
    """Images [B, H, W, C] -> logits [B]; with classes the product of the features and of a vector of the label.

    Attributes:
      classes: K, or 0 for images without classes.
    """

    classes: int = 0

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del train
        x = self.stage(Conv(self.widths[-1], 1, use_bias=False, kernel_init=scaled(1))(images))
        for features in self.widths[-2::-1]:
            x = self.stage(self.project(downsample(x), features))
        size = x.shape[1] * x.shape[2]
        kernel = self.param("head", nn.initializers.normal(size**-0.5), x.shape[1:], jnp.float32)
        x = jnp.einsum("bhwc,hwc->bc", x, kernel.astype(x.dtype))
        features = self.widths[0] if self.classes else 1
        x = nn.Dense(features, use_bias=False, kernel_init=scaled(1))(x)
        if self.classes:
            x = x * Embed(self.classes, features, nn.initializers.normal((features * self.classes) ** -0.5))(labels)
        return x.sum(-1), None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; ValueError for sides that do not halve as often as there are widths, or groups that do not fit."""
    model = config.model
    widths = tuple(model.widths)
    for name in "blocks", "group_size", "expansion":
        checks.in_range(f"config.model.{name}", getattr(model, name), 1, 2**14)
    # Files of strangers ask for any numbers; a block takes a tenth of a second to trace, and so do many groups.
    checks.in_range("the number of config.model.widths", len(widths), 1, 12)
    checks.in_range("config.model.blocks times the number of widths", model.blocks * len(widths), 1, 40)
    for width in widths:
        checks.in_range("a number of config.model.widths", width, 1, 2**14)
        checks.in_range("the number of groups of a block", width * model.expansion // model.group_size, 0, 192)
        if width * model.expansion % model.group_size:
            raise checks.UserError(
                f"config.model.widths has {width}; times expansion, {model.expansion}, it must be a multiple of "
                f"group_size, {model.group_size}."
            )
    factor = 2 ** (len(widths) - 1)
    shapes.check_multiples("r3gan", data.image_shape, factor, examples=f"{4 * factor} or {7 * factor}")
    classes = (data.num_classes or 0) if model.conditional else 0
    parts = widths, model.blocks, model.group_size, model.expansion
    return Gan.from_config(
        config,
        data,
        generator=Generator(*parts, data.image_shape, classes, model.class_features),
        discriminator=Discriminator(*parts, classes),
        latent=Latent((model.latent_size,), model.latent_law),
        conditional=model.conditional,
    )
