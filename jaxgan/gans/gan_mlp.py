"""The original GAN: two networks of two dense layers each, for images of any size.

References:
  Goodfellow et al., "Generative Adversarial Nets", 2014. Layers and numbers are those of Aymeric Damien,
  "TensorFlow-Examples: Generative Adversarial Network Example", 2017.
"""

from __future__ import annotations

import math

from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan


class Generator(nn.Module):
    """z [B, Z] -> images [B, H, W, C] in [0, 1]."""

    shape: tuple[int, int, int]
    hidden: int
    init_scale: float

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        del labels, train
        init = nn.initializers.variance_scaling(self.init_scale, "fan_in", "normal")
        x = nn.relu(nn.Dense(self.hidden, kernel_init=init)(z))
        x = nn.sigmoid(nn.Dense(math.prod(self.shape), kernel_init=init)(x))
        return x.reshape(-1, *self.shape)


class Discriminator(nn.Module):
    """Images [B, H, W, C] -> logits [B]."""

    hidden: int
    init_scale: float

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del labels, train
        init = nn.initializers.variance_scaling(self.init_scale, "fan_in", "normal")
        x = images.reshape(images.shape[0], -1)
        x = nn.relu(nn.Dense(self.hidden, kernel_init=init)(x))
        return nn.Dense(1, kernel_init=init)(x)[:, 0], None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError for a range of pixels beyond that of a sigmoid."""
    checks.check_pixels("gan_mlp", config.data.range, 0.0, 1.0)
    model = config.model
    checks.in_range("config.model.hidden", model.hidden, 1)
    return Gan.from_config(
        config,
        data,
        generator=Generator(data.image_shape, model.hidden, model.init_scale),
        discriminator=Discriminator(model.hidden, model.init_scale),
        latent=Latent((model.latent_size,), model.latent_law),
    )
