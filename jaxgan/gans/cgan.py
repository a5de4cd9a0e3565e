"""Conditional GAN with convolutions: both networks get the label.

G gets an embedding of the label beside z. D gets the label in one of two ways. 'map' appends an embedding of H x W
numbers to the channels of the image. 'projection' adds the inner product of an embedding and D's features to the logit.

References:
  Mirza and Osindero, "Conditional Generative Adversarial Nets", 2014, section 3.2. They use dense layers; these
  networks are a lighter form of `dcgan`. Miyato and Koyama, "cGANs with Projection Discriminator", 2018, equation 3.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.settings import completed
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets import Condition, Conv, ConvTranspose, Dropout, Norm, append_std, leaky_relu, norms
from jaxgan.nets.conv import PADDINGS
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

D_LABELS = ("map", "projection")
# Settings of config.model that runs of earlier versions lack, with the values that those versions used.
ADDED = {"d_norm": "none", "d_group": 0, "d_label": "map", "g_padding": "SAME"}


class Generator(nn.Module):
    """z [B, Z] and labels [B] -> images [B, H, W, C] in [-1, 1]."""

    shape: tuple[int, int, int]
    condition: Condition
    label_size: int
    init_stddev: float
    norm: Norm
    padding: str

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        init = nn.initializers.normal(self.init_stddev)
        height, width, channels = self.shape
        # Entries as large as those of z, but fewer. Otherwise G learns the label and ignores z.
        label = self.condition.embed(self.label_size, nn.initializers.normal(1.0))(labels)
        x = nn.Dense(height // 4 * (width // 4) * 128, kernel_init=init)(jnp.concatenate([z, label], axis=-1))
        x = x.reshape(-1, height // 4, width // 4, 128)
        x = leaky_relu(self.norm(x, train=train))
        for features in 64, 32:
            x = ConvTranspose(features, 5, 2, self.padding, use_bias=False, kernel_init=init)(x)
            x = leaky_relu(self.norm(x, train=train))
        return jnp.tanh(Conv(channels, 5, use_bias=False, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Images [B, H, W, C] and labels [B] -> logits [B]."""

    condition: Condition
    init_stddev: float
    dropout: float
    norm: Norm
    group: int
    label: str

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        init = nn.initializers.normal(self.init_stddev)
        x = images
        if self.label == "map":
            embed = self.condition.embed(math.prod(x.shape[1:3]), nn.initializers.normal(1.0))
            label = self.norm.apply(embed, labels, train=train)
            x = jnp.concatenate([x, label.reshape(*x.shape[:3], 1)], axis=-1)
        for features in 64, 128:
            x = self.norm.apply(Conv(features, 5, 2, use_bias=False, kernel_init=init), x, train=train)
            if features > 64:
                x = self.norm(x, train=train)
            x = Dropout(self.dropout)(leaky_relu(x))
        x = append_std(x, self.group).reshape(x.shape[0], -1)
        logits = self.norm.apply(nn.Dense(1, kernel_init=init), x, train=train)[:, 0]
        if self.label == "projection":
            embed = self.condition.embed(x.shape[-1], init)
            logits += jnp.sum(self.norm.apply(embed, labels, train=train) * x, axis=-1)
        return logits, None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError if H or W is no multiple of 4, or for images without labels."""
    checks.check_pixels("cgan", config.data.range, -1.0, 1.0)
    checks.check_multiples("cgan", data.image_shape, 4, examples="28 or 32")
    model = completed(config.model, ADDED)
    checks.in_range("config.model.d_group", model.d_group, 0)
    checks.one_of("config.model.d_label", model.d_label, D_LABELS)
    checks.one_of("config.model.g_padding", model.g_padding, PADDINGS)
    checks.in_range("config.model.label_size", model.label_size, 1)
    condition = Condition.of(data)  # from_config rejects images without labels
    g_norm, d_norm = norms(model, scale_stddev=model.init_stddev)
    return Gan.from_config(
        config,
        data,
        generator=Generator(data.image_shape, condition, model.label_size, model.init_stddev, g_norm, model.g_padding),
        discriminator=Discriminator(condition, model.init_stddev, model.dropout, d_norm, model.d_group, model.d_label),
        latent=Latent((model.latent_size,), model.latent_law),
        conditional=True,
        takes_vectors=True,
    )
