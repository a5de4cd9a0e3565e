"""DCGAN for 28x28 images: a dense layer, three transposed convolutions and a convolution.

References:
  Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
  Adversarial Networks", 2015. The layer plan extends the TensorFlow tutorial "Deep Convolutional Generative
  Adversarial Network".
"""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.settings import completed
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets import Conv, ConvTranspose, Dropout, Norm, UpsampleConv, append_std, leaky_relu, norms
from jaxgan.nets.conv import PADDINGS
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

ACTIVATIONS = {"leaky_relu": leaky_relu, "relu": nn.relu}
UPSAMPLES = ("transpose", "nearest")
# Settings of config.model that runs of earlier versions lack, with the values that those versions used.
ADDED = {"d_norm": "none", "d_group": 0, "g_padding": "SAME"}


class Generator(nn.Module):
    """z [B, Z] -> images [B, 28, 28, C] in [-1, 1]."""

    channels: int
    upsample: str
    activation: str
    init_stddev: float
    norm: Norm
    padding: str

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        activation = ACTIVATIONS[self.activation]
        x = nn.Dense(7 * 7 * 256, kernel_init=init)(z).reshape(-1, 7, 7, 256)
        x = activation(self.norm(x, train=train))
        for features, factor in (128, 1), (64, 2), (32, 2):
            if self.upsample == "transpose":
                x = ConvTranspose(features, 5, factor, self.padding, use_bias=False, kernel_init=init)(x)
            else:
                x = UpsampleConv(features, 5, factor, use_bias=False, kernel_init=init)(x)
            x = activation(self.norm(x, train=train))
        return jnp.tanh(Conv(self.channels, 5, use_bias=False, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Images [B, 28, 28, C] -> logits [B]."""

    init_stddev: float
    dropout: float
    norm: Norm
    group: int

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        x = images
        for features in 64, 128:
            x = self.norm.apply(Conv(features, 5, 2, use_bias=False, kernel_init=init), x, train=train)
            if features > 64:
                x = self.norm(x, train=train)
            x = Dropout(self.dropout)(leaky_relu(x))
        x = append_std(x, self.group).reshape(x.shape[0], -1)
        return self.norm.apply(nn.Dense(1, kernel_init=init), x, train=train)[:, 0], None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError for images that are not 28x28."""
    checks.check_pixels("dcgan", config.data.range, -1.0, 1.0)
    channels = data.image_shape[2]
    checks.check_exact("dcgan", data.image_shape, (28, 28, channels), other="dcgan64")
    model = completed(config.model, ADDED)
    checks.in_range("config.model.d_group", model.d_group, 0)
    checks.one_of("config.model.upsample", model.upsample, UPSAMPLES)
    checks.one_of("config.model.g_activation", model.g_activation, ACTIVATIONS)
    checks.one_of("config.model.g_padding", model.g_padding, PADDINGS)
    g_norm, d_norm = norms(model, scale_stddev=model.init_stddev)
    return Gan.from_config(
        config,
        data,
        generator=Generator(channels, model.upsample, model.g_activation, model.init_stddev, g_norm, model.g_padding),
        discriminator=Discriminator(model.init_stddev, model.dropout, d_norm, model.d_group),
        latent=Latent((model.latent_size,), model.latent_law),
    )
