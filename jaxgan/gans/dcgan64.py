"""DCGAN for 64x64 colour images, or any other H and W that are multiples of 16.

References:
  Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
  Adversarial Networks", 2015, figure 1. Initialisation and training follow bubbliiiing, "dcgan-pytorch", 2021.
"""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.settings import completed
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets import Conv, ConvTranspose, Norm, append_std, leaky_relu, norms, uniform_within
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

# Settings of config.model that runs of earlier versions lack, with the values that those versions used.
ADDED = {"d_norm": "batch", "d_group": 0}


class Generator(nn.Module):
    """z [B, Z] -> images [B, H, W, C] in [-1, 1]; feature maps have 8, 4, 2 and 1 times `width` channels."""

    shape: tuple[int, int, int]
    width: int
    init_stddev: float
    norm: Norm

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        height, width, channels = self.shape
        start = (height // 16, width // 16, 8 * self.width)
        x = nn.Dense(start[0] * start[1] * start[2], kernel_init=init)(z).reshape(-1, *start)
        x = nn.relu(self.norm(x, train=train))
        for times in 4, 2, 1:
            x = ConvTranspose(times * self.width, 4, 2, kernel_init=init)(x)
            x = nn.relu(self.norm(x, train=train))
        return jnp.tanh(ConvTranspose(channels, 4, 2, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> logits [B]; feature maps have 1, 2, 4 and 8 times `width` channels."""

    width: int
    init_stddev: float
    norm: Norm
    group: int

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        x = images
        for times in 1, 2, 4, 8:
            # The reference initialises all but these biases, which keep PyTorch's default.
            bias_init = uniform_within((4 * 4 * x.shape[-1]) ** -0.5)
            conv = Conv(times * self.width, 4, 2, kernel_init=init, bias_init=bias_init)
            x = self.norm.apply(conv, x, train=train)
            if times > 1:
                x = self.norm(x, train=train)
            x = leaky_relu(x)
        x = append_std(x, self.group).reshape(x.shape[0], -1)
        return self.norm.apply(nn.Dense(1, kernel_init=init), x, train=train)[:, 0], None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError if H or W is no multiple of 16."""
    checks.check_pixels("dcgan64", config.data.range, -1.0, 1.0)
    checks.check_multiples("dcgan64", data.image_shape, 16, examples="32 or 64")
    model = completed(config.model, ADDED)
    checks.in_range("config.model.d_group", model.d_group, 0)
    checks.in_range("config.model.width", model.width, 1)
    g_norm, d_norm = norms(model, scale_mean=model.bn_scale_mean, scale_stddev=model.init_stddev)
    return Gan.from_config(
        config,
        data,
        generator=Generator(data.image_shape, model.width, model.init_stddev, g_norm),
        discriminator=Discriminator(model.width, model.init_stddev, d_norm, model.d_group),
        latent=Latent((model.latent_size,), model.latent_law),
    )
