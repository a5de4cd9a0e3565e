"""Conditional GAN with convolutions: both networks are told the label.

The generator gets an embedding of the label beside z; the discriminator gets one beside the picture's channels, as
large as the picture, and so judges whether a picture is real *for its label*.

References:
  Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014, section 3.2. They use dense layers; these
  networks are a lighter form of `dcgan`.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets.conv import Conv, ConvTranspose
from jaxgan.nets.dropout import Dropout
from jaxgan.nets.embed import Embed
from jaxgan.nets.init import normal_around
from jaxgan.nets.norm import BatchNorm
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)


class Generator(nn.Module):
    """z [B, Z] and labels [B] -> pictures [B, H, W, C] in [-1, 1]."""

    shape: tuple[int, int, int]
    num_classes: int
    label_size: int
    init_stddev: float
    bn_momentum: float
    bn_epsilon: float

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        init = nn.initializers.normal(self.init_stddev)
        norm = partial(
            BatchNorm,
            train=train,
            momentum=self.bn_momentum,
            epsilon=self.bn_epsilon,
            scale_init=normal_around(1.0, self.init_stddev),
        )
        height, width, channels = self.shape
        # Numbers as large as those of z, but fewer: G must not learn the label and ignore z.
        label = Embed(self.num_classes, self.label_size, nn.initializers.normal(1.0))(labels)
        x = nn.Dense(height // 4 * (width // 4) * 128, kernel_init=init)(jnp.concatenate([z, label], axis=-1))
        x = leaky_relu(norm()(x.reshape(-1, height // 4, width // 4, 128)))
        for features in 64, 32:
            x = ConvTranspose(features, 5, 2, use_bias=False, kernel_init=init)(x)
            x = leaky_relu(norm()(x))
        return jnp.tanh(Conv(channels, 5, use_bias=False, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Pictures [B, H, W, C] and labels [B] -> logits [B]."""

    num_classes: int
    init_stddev: float
    dropout: float

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del train
        init = nn.initializers.normal(self.init_stddev)
        _, height, width, _ = images.shape
        embed = Embed(self.num_classes, height * width, nn.initializers.normal(1.0))
        x = jnp.concatenate([images, embed(labels).reshape(-1, height, width, 1)], axis=-1)
        for features in 64, 128:
            x = leaky_relu(Conv(features, 5, 2, use_bias=False, kernel_init=init)(x))
            x = Dropout(self.dropout)(x)
        return nn.Dense(1, kernel_init=init)(x.reshape(x.shape[0], -1))[:, 0], None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; ValueError for sides that are not multiples of 4, or pictures without labels."""
    height, width, _ = data.image_shape
    if height % 4 or width % 4:
        raise UserError(
            f"cgan makes pictures whose sides are multiples of 4, but the data has {data.image_shape}; "
            "set config.data.image_size to one, such as 28 or 32."
        )
    model = config.model
    checks.in_range("config.model.label_size", model.label_size, 1)
    classes = data.num_classes or 0  # from_config refuses pictures without labels
    return Gan.from_config(
        config,
        data,
        generator=Generator(
            data.image_shape, classes, model.label_size, model.init_stddev, model.bn_momentum, model.bn_epsilon
        ),
        discriminator=Discriminator(classes, model.init_stddev, model.dropout),
        latent=Latent((model.latent_size,), model.latent_law),
        conditional=True,
    )
