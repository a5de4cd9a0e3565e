"""DCGAN for 64x64 colour pictures, or for any size that is a multiple of 16.

References:
  Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
  Adversarial Networks", 2015, figure 1. Initialisation and training follow bubbliiiing, "dcgan-pytorch", 2021.
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
from jaxgan.nets.init import normal_around, uniform_by_fan_in
from jaxgan.nets.norm import BatchNorm
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)


class Generator(nn.Module):
    """z [B, Z] -> pictures [B, H, W, C] in [-1, 1]; maps of 8, 4, 2 and 1 times `width` channels."""

    shape: tuple[int, int, int]
    width: int
    init_stddev: float
    bn_scale_mean: float
    bn_momentum: float
    bn_epsilon: float

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        norm = partial(
            BatchNorm,
            train=train,
            momentum=self.bn_momentum,
            epsilon=self.bn_epsilon,
            scale_init=normal_around(self.bn_scale_mean, self.init_stddev),
        )
        height, width, channels = self.shape
        start = (height // 16, width // 16, 8 * self.width)
        x = nn.Dense(start[0] * start[1] * start[2], kernel_init=init)(z).reshape(-1, *start)
        x = nn.relu(norm()(x))
        for times in 4, 2, 1:
            x = ConvTranspose(times * self.width, 4, 2, kernel_init=init)(x)
            x = nn.relu(norm()(x))
        return jnp.tanh(ConvTranspose(channels, 4, 2, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Pictures [B, H, W, C] -> logits [B]; maps of 1, 2, 4 and 8 times `width` channels."""

    width: int
    init_stddev: float
    bn_scale_mean: float
    bn_momentum: float
    bn_epsilon: float

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        x = images
        for times in 1, 2, 4, 8:
            # The reference initialises all but these biases, so they keep PyTorch's start.
            bias_init = uniform_by_fan_in(4 * 4 * x.shape[-1])
            x = Conv(times * self.width, 4, 2, kernel_init=init, bias_init=bias_init)(x)
            if times > 1:
                x = BatchNorm(
                    train=train,
                    momentum=self.bn_momentum,
                    epsilon=self.bn_epsilon,
                    scale_init=normal_around(self.bn_scale_mean, self.init_stddev),
                )(x)
            x = leaky_relu(x)
        return nn.Dense(1, kernel_init=init)(x.reshape(x.shape[0], -1))[:, 0], None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; ValueError for sides that are not multiples of 16."""
    height, width, _ = data.image_shape
    if height % 16 or width % 16:
        raise UserError(
            f"dcgan64 makes pictures whose sides are multiples of 16, but the data has {data.image_shape}; "
            "set config.data.image_size to one, such as 32 or 64."
        )
    model = config.model
    checks.in_range("config.model.width", model.width, 1)
    shared = (model.width, model.init_stddev, model.bn_scale_mean, model.bn_momentum, model.bn_epsilon)
    return Gan.from_config(
        config,
        data,
        generator=Generator(data.image_shape, *shared),
        discriminator=Discriminator(*shared),
        latent=Latent((model.latent_size,), model.latent_law),
    )
