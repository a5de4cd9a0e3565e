"""The DCGAN of the TensorFlow tutorial "Deep Convolutional Generative Adversarial Network", layer by layer.

Weights of its Keras generator are read by `jaxgan.import_weights`; a test compares the images.
"""

from __future__ import annotations

import functools

import jax.numpy as jnp
from flax import linen as nn

from jaxgan import Gan, Latent
from jaxgan.nets import BatchNorm, Conv, ConvTranspose, Dropout

leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.3)  # Keras's slope


class Generator(nn.Module):
    """z [B, 100] -> images [B, 28, 28, 1] in [-1, 1]."""

    @nn.compact
    def __call__(self, z, labels, *, train):
        norm = functools.partial(BatchNorm, train=train, momentum=0.99, epsilon=1e-3)
        x = nn.Dense(7 * 7 * 256, use_bias=False)(z)
        x = leaky_relu(norm()(x)).reshape(-1, 7, 7, 256)
        x = leaky_relu(norm()(ConvTranspose(128, 5, 1, use_bias=False)(x)))
        x = leaky_relu(norm()(ConvTranspose(64, 5, 2, use_bias=False)(x)))
        return jnp.tanh(ConvTranspose(1, 5, 2, use_bias=False)(x))


class Discriminator(nn.Module):
    """Images [B, 28, 28, 1] -> logits [B]."""

    @nn.compact
    def __call__(self, images, labels, *, train):
        x = images
        for features in 64, 128:
            x = Dropout(0.3)(leaky_relu(Conv(features, 5, 2)(x)))
        return nn.Dense(1)(x.reshape(x.shape[0], -1))[:, 0], None


def build(config, data):
    return Gan.from_config(
        config, data, generator=Generator(), discriminator=Discriminator(), latent=Latent((100,), "normal")
    )
