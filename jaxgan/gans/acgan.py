"""Auxiliary-classifier GAN for labelled 28x28 grey images: D also predicts the class.

References:
  Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", 2016. Layers are those of the
  Keras examples after it: upsampling, 3x3 convolutions, and a label embedding that multiplies the latent.
"""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.settings import completed
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets import Conv, Embed, Norm, UpsampleConv, append_std, leaky_relu, norms, uniform_within
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

LABEL_MODES = ("product", "concat")
# Settings of config.model that runs of earlier versions lack, with the values that those versions used.
ADDED = {"d_norm": "batch", "d_group": 0}

# Keras's default; biases start at 0.
init = nn.initializers.glorot_uniform()


class Generator(nn.Module):
    """z [B, Z] and labels [B] -> images [B, 28, 28, 1] in [-1, 1]."""

    num_classes: int
    label_mode: str
    embedding_bound: float
    norm: Norm

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        embed = Embed(self.num_classes, z.shape[-1], uniform_within(self.embedding_bound))
        label = embed(labels)
        x = z * label if self.label_mode == "product" else jnp.concatenate([z, label], axis=-1)
        x = nn.relu(nn.Dense(7 * 7 * 32, kernel_init=init)(x)).reshape(-1, 7, 7, 32)
        for features, factor in (64, 1), (128, 2), (64, 2):
            x = UpsampleConv(features, 3, factor, kernel_init=init)(x)
            x = nn.relu(self.norm(x, train=train))
        return jnp.tanh(Conv(1, 3, kernel_init=init)(x))


class Discriminator(nn.Module):
    """Images [B, 28, 28, 1] -> logits [B] and class logits [B, K]."""

    num_classes: int
    norm: Norm
    group: int

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, Array]:
        del labels
        x = images
        for features in 32, 64, 128:
            x = self.norm.apply(Conv(features, 3, 2, kernel_init=init), x, train=train)
            x = leaky_relu(self.norm(x, train=train))
        x = append_std(x, self.group).mean((1, 2))
        logits = self.norm.apply(nn.Dense(1, kernel_init=init, name="real"), x, train=train)[:, 0]
        classes = nn.Dense(self.num_classes, kernel_init=init, name="classes")
        return logits, self.norm.apply(classes, x, train=train)


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError for images that are not 28x28x1 or have no labels."""
    checks.check_pixels("acgan", config.data.range, -1.0, 1.0)
    checks.check_exact("acgan", data.image_shape, (28, 28, 1), other="cgan")
    model = completed(config.model, ADDED)
    checks.in_range("config.model.d_group", model.d_group, 0)
    checks.one_of("config.model.label_mode", model.label_mode, LABEL_MODES)
    g_norm, d_norm = norms(model)
    classes = data.num_classes or 0  # from_config rejects images without labels
    return Gan.from_config(
        config,
        data,
        generator=Generator(classes, model.label_mode, model.embedding_bound, g_norm),
        discriminator=Discriminator(classes, d_norm, model.d_group),
        latent=Latent((model.latent_size,), model.latent_law),
        conditional=True,
    )
