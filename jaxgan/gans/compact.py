"""A GAN for small images with networks of equal cost, so that both learn most in a given time.

For each convolution that changes the size there is one that keeps it. Full-size maps have few channels. G has batch
norm. D has no norm, for gradient penalties. With classes, G gets an embedding beside z, and D's logit adds the inner
product of its features and a class vector.

A continuous function maps a connected set of latents to a connected set of images: between a 3 and an 8 lie images of
neither. With `kinds`, the signs of the first entries of z select one of `kinds` learned vectors.

References:
  Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
  Networks", 2015, for G. Miyato and Koyama, "cGANs with Projection Discriminator", 2018, for D. Khayatkhoei, Singh and
  Elgammal, "Disconnected Manifold Learning for Generative Adversarial Networks", 2018, for the need of disconnected
  latents. The layers and the selection by signs are jaxgan's own.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.settings import completed
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.nets import BatchNorm, Condition, Conv, ConvTranspose, leaky_relu
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import Gan

CLASS_FEATURES = 64  # length of the vector of a class or kind
MOST_MAPS = 6
ADDED = {"kinds": 0, "label_head": False}

init = nn.initializers.variance_scaling(2 / (1 + 0.2**2), "fan_in", "normal")  # keeps the variance through leaky ReLU
plain = nn.initializers.variance_scaling(1.0, "fan_in", "normal")


class Generator(nn.Module):
    """z [B, Z] and labels [B] -> images [B, H, W, C] in [-1, 1].

    Attributes:
      shape: (H, W, C) of the images.
      widths: channels of the feature maps, from the smallest map to the one of H / 2; each map doubles the one before.
      condition: the label that it gets with each image.
      kinds: a power of two, or 0 for none.
    """

    shape: tuple[int, int, int]
    widths: tuple[int, ...]
    condition: Condition
    kinds: int

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        def activation(x: Array) -> Array:
            return leaky_relu(BatchNorm(train=train, momentum=0.99, epsilon=1e-3)(x))

        chosen = [(self.condition, labels)] if self.condition.size else []
        if self.kinds:
            chosen.append((Condition(self.kinds), kind_of(z, self.kinds)))
        vectors = [one.embed(CLASS_FEATURES, nn.initializers.normal(1.0))(given) for one, given in chosen]
        z = jnp.concatenate([z, *vectors], axis=-1)
        height, width = (size >> len(self.widths) for size in self.shape[:2])
        x = nn.Dense(height * width * self.widths[0], kernel_init=plain)(z)
        x = activation(x.reshape(-1, height, width, self.widths[0]))
        for level, features in enumerate(self.widths):
            if level:
                x = activation(ConvTranspose(features, 4, 2, use_bias=False, kernel_init=init)(x))
            x = activation(Conv(features, 3, use_bias=False, kernel_init=init)(x))
        return jnp.tanh(ConvTranspose(self.shape[2], 4, 2, kernel_init=plain)(x))


def kind_of(z: Array, kinds: int) -> Array:
    """Return int32[B], the kind out of 2^k that the signs of the first k entries of z [B, Z] select."""
    bits = (z[:, : num_bits(kinds)] > 0).astype(jnp.int32)
    # The place values are a constant, since ONNX runtimes do not know shifts of int32.
    return (bits * 2 ** np.arange(bits.shape[1], dtype=np.int32)[None]).sum(-1)


def kinds_of(module: nn.Module) -> int:
    """Return the number of kinds of a generator, between which no path of latents leads; 1 where all are connected."""
    return max(1, module.kinds) if isinstance(module, Generator) else 1


def with_kind_of(z: Array, other: Array, kinds: int) -> Array:
    """Return latents z [B, Z] with the kinds of others [B, Z]: with the signs of the entries that select them."""
    bits = num_bits(kinds) if kinds else 0
    return z.at[:, :bits].set(jnp.copysign(z[:, :bits], other[:, :bits]))


def num_bits(kinds: int) -> int:
    """Return k for 2^k kinds."""
    return kinds.bit_length() - 1


class Discriminator(nn.Module):
    """Images [B, H, W, C] and labels [B] -> logits [B].

    Attributes:
      widths: channels of the feature maps, from the one of H / 2 to the smallest; each map halves the one before.
      condition: the label that it gets with each image.
      label_head: whether twin heads also tell the label of an image, as class logits or the numbers of a vector.
    """

    widths: tuple[int, ...]
    condition: Condition
    label_head: bool = False

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, Array | None]:
        del train
        x = images
        for features in self.widths:
            x = leaky_relu(Conv(features, 4, 2, kernel_init=init)(x))
            x = leaky_relu(Conv(features, 3, kernel_init=init)(x))
        x = x.reshape(x.shape[0], -1)
        logits = nn.Dense(1)(x)[:, 0]
        if self.condition.size:
            label = self.condition.embed(CLASS_FEATURES, nn.initializers.normal(1.0))(labels)
            logits += (nn.Dense(CLASS_FEATURES)(x) * label).sum(-1) / math.sqrt(CLASS_FEATURES)
        if not self.label_head:
            return logits, None
        return logits, nn.Dense(2 * self.condition.size)(x).reshape(len(x), 2, self.condition.size)


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError if H or W is no multiple of 2^maps, or for settings that do not fit."""
    checks.check_pixels("compact", config.data.range, -1.0, 1.0)
    model = completed(config.model, ADDED)
    for name in "g_widths", "d_widths":
        maps = len(model[name])
        if not 1 <= maps <= MOST_MAPS:
            raise checks.UserError(f"config.model.{name} is {tuple(model[name])}; expected 1 to {MOST_MAPS} numbers.")
        examples = "28 or 32" if maps == 2 else f"{2**maps} or {2 ** (maps + 1)}"
        checks.check_multiples(f"compact with {maps} {name}", data.image_shape, 2**maps, examples=examples)
        for width in model[name]:
            checks.in_range(f"a number of config.model.{name}", width, 1, 2**14)
    kinds = model.kinds
    if kinds and (kinds < 2 or kinds & (kinds - 1) or num_bits(kinds) > model.latent_size):
        raise checks.UserError(
            f"config.model.kinds is {kinds}; expected 0, or a power of two up to 2^latent_size, 2^{model.latent_size}."
        )
    conditional = model.conditional or config.data.instance_features > 0
    condition = Condition.of(data, conditional=conditional)
    if model.label_head and not condition.size:
        raise checks.UserError(
            "config.model.label_head is True, but the GAN gets no labels; set config.model.conditional to True, or "
            "label_head to False."
        )
    return Gan.from_config(
        config,
        data,
        generator=Generator(data.image_shape, tuple(model.g_widths), condition, kinds),
        discriminator=Discriminator(tuple(model.d_widths), condition, model.label_head),
        latent=Latent((model.latent_size,), model.latent_law),
        conditional=conditional,
        takes_vectors=True,
    )
