"""R3GAN: residual networks without normalisation, for a loss with gradient penalties on real and generated images.

References:
  Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A Modern GAN Baseline", 2024, section 3
  and appendix D. Layers and their initial values are those of its published code. Three things differ:
  - All feature maps have the type of `config.precision`. The reference uses bfloat16 for the largest and float32 for
    the others.
  - G's step compares with the real images of D's step. The reference draws others.
  - Classes of generated images are drawn uniformly. The reference takes those of the real images in the comparison.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer

from jaxgan.base import checks
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets import Condition, Conv, GroupedConv
from jaxgan.nets.resample import downsample, upsample
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

SLOPE = 0.2  # of leaky ReLU
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # keeps the variance through leaky ReLU


def scaled(gain: float) -> Initializer:
    """Return an initialiser that draws from N(0, gain^2 / fan_in)."""
    return nn.initializers.variance_scaling(gain**2, "fan_in", "normal")


class Block(nn.Module):
    """x + conv1x1(act(conv3x3 in groups(act(conv1x1(x))))); the last convolution starts at zero.

    Attributes:
      group_size: channels of a group.
      expansion: channels inside the block, as a multiple of those of x.
      blocks: L, the number of residual blocks in the network. Kernels of the first two convolutions start L^(1/4) times
        smaller.
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
    """Leaky ReLU of x plus a bias for each channel."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],), jnp.float32)
        return jax.nn.leaky_relu(x + bias.astype(x.dtype).reshape(1, 1, 1, -1), negative_slope=SLOPE)


class Network(nn.Module):
    """Base of both networks: a stage of residual blocks for each size of feature maps.

    Attributes:
      widths: channels of each stage, smallest maps first.
      blocks: residual blocks of a stage.
      group_size: as in `Block`.
      expansion: as in `Block`.
    """

    widths: tuple[int, ...]
    blocks: int
    group_size: int
    expansion: int

    def stage(self, x: Array) -> Array:
        """Apply the blocks of one stage."""
        for _ in range(self.blocks):
            x = Block(self.group_size, self.expansion, self.blocks * len(self.widths))(x)
        return x

    def project(self, x: Array, features: int) -> Array:
        """Change the number of channels to `features`, if it differs."""
        return x if x.shape[-1] == features else Conv(features, 1, use_bias=False, kernel_init=scaled(1))(x)


class Generator(Network):
    """z [B, Z] -> images [B, H, W, C], unbounded.

    Attributes:
      shape: (H, W, C) of the images.
      condition: the label that it gets with each image.
      class_features: length of the label's embedding that is appended to z.
    """

    shape: tuple[int, int, int] = (0, 0, 0)
    condition: Condition = Condition()
    class_features: int = 64

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        del train
        if self.condition.size:
            embed = self.condition.embed(self.class_features, nn.initializers.normal(self.condition.size**-0.5))
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
    """Images [B, H, W, C] -> logits [B]; with labels, the inner product of the features and the label's vector.

    Attributes:
      condition: the label that it gets with each image.
    """

    condition: Condition = Condition()

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del train
        x = self.stage(Conv(self.widths[-1], 1, use_bias=False, kernel_init=scaled(1))(images))
        for features in self.widths[-2::-1]:
            x = self.stage(self.project(downsample(x), features))
        size = x.shape[1] * x.shape[2]
        kernel = self.param("head", nn.initializers.normal(size**-0.5), x.shape[1:], jnp.float32)
        x = jnp.einsum("bhwc,hwc->bc", x, kernel.astype(x.dtype))
        told = self.condition.size
        features = self.widths[0] if told else 1
        x = nn.Dense(features, use_bias=False, kernel_init=scaled(1))(x)
        if told:
            x = x * self.condition.embed(features, nn.initializers.normal((features * told) ** -0.5))(labels)
        return x.sum(-1), None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError if H or W does not halve as often as `widths` asks, or for groups that do not fit."""
    model = config.model
    widths = tuple(model.widths)
    for name in "blocks", "group_size", "expansion":
        checks.in_range(f"config.model.{name}", getattr(model, name), 1, 2**14)
    # A stranger's file may ask for any numbers. Tracing a block takes a tenth of a second, and so do many groups.
    checks.in_range("the number of config.model.widths", len(widths), 1, 12)
    checks.in_range("config.model.blocks times the number of widths", model.blocks * len(widths), 1, 40)
    for width in widths:
        checks.in_range("a number of config.model.widths", width, 1, 2**14)
        checks.in_range("the number of groups of a block", width * model.expansion // model.group_size, 0, 192)
        if width * model.expansion % model.group_size:
            raise checks.UserError(
                f"config.model.widths has {width}; expected a width that times expansion, {model.expansion}, is a "
                f"multiple of group_size, {model.group_size}."
            )
    factor = 2 ** (len(widths) - 1)
    checks.check_multiples("r3gan", data.image_shape, factor, examples=f"{4 * factor} or {7 * factor}")
    conditional = model.conditional or config.data.instance_features > 0
    condition = Condition.of(data, conditional=conditional)
    parts = widths, model.blocks, model.group_size, model.expansion
    return Gan.from_config(
        config,
        data,
        generator=Generator(*parts, data.image_shape, condition, model.class_features),
        discriminator=Discriminator(*parts, condition),
        latent=Latent((model.latent_size,), model.latent_law),
        conditional=conditional,
        takes_vectors=True,
    )
