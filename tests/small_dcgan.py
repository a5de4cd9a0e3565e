"""A DCGAN for 14x14 images, small enough to be trained in a test, with or without batch norm in G."""

from functools import partial

import jax
import jax.numpy as jnp
from flax import linen as nn
from ml_collections import ConfigDict

from jaxgan.config import default
from jaxgan.nets.conv import Conv, ConvTranspose
from jaxgan.nets.dropout import Dropout
from jaxgan.nets.norm import BatchNorm, Norm
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

leaky_relu = partial(jax.nn.leaky_relu, negative_slope=0.2)
normal = nn.initializers.normal(0.02)


class Generator(nn.Module):
    width: int
    norm: bool

    @nn.compact
    def __call__(self, z, labels, *, train):
        norm = partial(BatchNorm, train=train, momentum=0.9, epsilon=1e-5) if self.norm else lambda: lambda x: x
        x = nn.Dense(7 * 7 * 2 * self.width, kernel_init=normal)(z).reshape(-1, 7, 7, 2 * self.width)
        x = leaky_relu(norm()(x))
        x = leaky_relu(norm()(ConvTranspose(self.width, 5, 1, use_bias=False, kernel_init=normal)(x)))
        return jnp.tanh(ConvTranspose(1, 5, 2, use_bias=False, kernel_init=normal)(x))


class Discriminator(nn.Module):
    width: int
    norm: Norm

    @nn.compact
    def __call__(self, images, labels, *, train):
        x = images
        for features in self.width, 2 * self.width:
            layer = Conv(features, 5, 2, use_bias=False, kernel_init=normal)
            x = self.norm(self.norm.apply(layer, x, train=train), train=train)
            x = Dropout(0.3)(leaky_relu(x))
        return nn.Dense(1, kernel_init=normal)(x.reshape(x.shape[0], -1))[:, 0], None


def build(config, data):
    model = config.model
    return Gan.from_config(
        config,
        data,
        generator=Generator(model.width, model.norm),
        discriminator=Discriminator(model.width, Norm(model.d_norm, 0.9, 1e-5)),
        latent=Latent((model.latent_size,), "normal"),
    )


def get_config():
    config = default()
    config.gan = __file__
    config.model = ConfigDict({"width": 8, "norm": True, "d_norm": "none", "latent_size": 16})
    config.data.batch_size = 32
    return config
