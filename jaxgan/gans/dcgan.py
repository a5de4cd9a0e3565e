"""DCGAN for 28x28 grey pictures: a dense layer, three transposed convolutions and a convolution.

References:
  Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
  Adversarial Networks", 2015. The layer plan extends the TensorFlow tutorial "Deep Convolutional Generative
  Adversarial Network".
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets.conv import Conv, ConvTranspose, UpsampleConv
from jaxgan.nets.dropout import Dropout
from jaxgan.nets.init import normal_around
from jaxgan.nets.norm import BatchNorm
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)
ACTIVATIONS = {"leaky_relu": leaky_relu, "relu": nn.relu}
UPSAMPLES = ("transpose", "nearest")


class Generator(nn.Module):
    """z [B, Z] -> pictures [B, 28, 28, 1] in [-1, 1]."""

    upsample: str
    activation: str
    init_stddev: float
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
            scale_init=normal_around(1.0, self.init_stddev),
        )
        activation = ACTIVATIONS[self.activation]
        x = nn.Dense(7 * 7 * 256, kernel_init=init)(z).reshape(-1, 7, 7, 256)
        x = activation(norm()(x))
        for features, factor in (128, 1), (64, 2), (32, 2):
            if self.upsample == "transpose":
                x = ConvTranspose(features, 5, factor, use_bias=False, kernel_init=init)(x)
            else:
                x = UpsampleConv(features, 5, factor, use_bias=False, kernel_init=init)(x)
            x = activation(norm()(x))
        return jnp.tanh(Conv(1, 5, use_bias=False, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Pictures [B, 28, 28, 1] -> logits [B]."""

    init_stddev: float
    dropout: float

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del labels, train
        init = nn.initializers.normal(self.init_stddev)
        x = images
        for features in 64, 128:
            x = leaky_relu(Conv(features, 5, 2, use_bias=False, kernel_init=init)(x))
            x = Dropout(self.dropout)(x)
        return nn.Dense(1, kernel_init=init)(x.reshape(x.shape[0], -1))[:, 0], None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; ValueError for pictures that are not 28x28x1."""
    if data.image_shape != (28, 28, 1):
        raise UserError(
            f"dcgan makes pictures of shape (28, 28, 1), but the data has {data.image_shape}; "
            "set config.data.image_size=28 and config.data.channels=1, or use the dcgan64 GAN."
        )
    model = config.model
    checks.one_of("config.model.upsample", model.upsample, UPSAMPLES)
    checks.one_of("config.model.g_activation", model.g_activation, ACTIVATIONS)
    return Gan.from_config(
        config,
        data,
        generator=Generator(model.upsample, model.g_activation, model.init_stddev, model.bn_momentum, model.bn_epsilon),
        discriminator=Discriminator(model.init_stddev, model.dropout),
        latent=Latent((model.latent_size,), model.latent_law),
    )
