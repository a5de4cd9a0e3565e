"""A second discriminator on frozen features of ImageNet, beside a GAN's own one.

It sees an image through the maps of EfficientNet-Lite0, `jaxgan.nets.efficientnet`. Frozen random layers mix their
channels and, from the smallest map to the largest, their scales, so that no part of the features can be left aside. A
small network on each scale gives a logit. The features know shapes and textures from the start, so G learns them in a
fraction of the steps. They see little of single pixels, which the GAN's own discriminator judges.

References:
  Sauer, Chitta, Mueller and Geiger, "Projected GANs Converge Faster", 2021, for the random mixing and the heads.
  Kumari, Zhang, Shechtman and Zhu, "Ensembling Off-the-shelf Models for GAN Training", 2022, for the two side by side.
  One logit a scale instead of one a place, RpGAN for hinge, and the weights of Lite0, are jaxgan's own.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, Config
from jaxgan.nets import efficientnet
from jaxgan.nets.activation import leaky_relu
from jaxgan.nets.conv import Conv, conv
from jaxgan.nets.embed import Condition

# Root mean squares of the maps of 1/4 to 1/32, measured on 64 drawn faces and 64 emoji of 64x64 pixels.
RMS = (11.5, 10.8, 8.9, 3.8)
SMALLEST = 4  # maps are made smaller to this side

init = nn.initializers.variance_scaling(2 / (1 + 0.2**2), "fan_in", "normal")  # keeps the variance through leaky ReLU
plain = nn.initializers.variance_scaling(1.0, "fan_in", "normal")


def aided(own: nn.Module, config: Config, condition: Condition) -> Aided:
    """Put the second discriminator of `config.projected` beside a GAN's own one.

    Raises:
      UserError: the weights of the features are not there, or D sees several images at once.
    """
    if config.pack > 1:
        raise UserError(
            f"config.pack is {config.pack}, but features are of one image at a time; set it to 1, or "
            "config.projected.weight to 0."
        )
    efficientnet.LITE0.path()
    chosen = config.projected
    return Aided(own, Projected(chosen.width, chosen.size, tuple(config.data.range), condition))


class Aided(nn.Module):
    """Images [B, H, W, C] and labels -> what the GAN's own discriminator returns, and logits [B, S] of the features.

    Attributes:
      own: the GAN's own discriminator.
      features: the second one.
    """

    own: nn.Module
    features: Projected

    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, Array | None, Array]:
        return *self.own(images, labels, train=train), self.features(images, labels, train=train)

    def judge_alone(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, Array | None]:
        """Return what the GAN's own discriminator returns."""
        return self.own(images, labels, train=train)


class Projected(nn.Module):
    """Images [B, H, W, C] and labels -> logits [B, S], one of each scale.

    Of two channels the features see the first as grey, of four or more the first three as red, green and blue.

    Attributes:
      width: channels of the mixed maps and of the heads.
      size: longer side of the images that the features see; 0: as they are.
      image_range: (low, high) of the pixels.
      condition: the label that the heads get with each image.
    """

    width: int
    size: int
    image_range: tuple[float, float]
    condition: Condition

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> Array:
        low, high = self.image_range
        seen = images[..., :3] if images.shape[-1] > 2 else images[..., :1]
        longer = max(seen.shape[1:3])
        if self.size and longer != self.size:
            height, width = (max(1, round(side * self.size / longer)) for side in seen.shape[1:3])
            seen = jax.image.resize(seen, (len(seen), height, width, seen.shape[-1]), "linear")
        maps = self.maps((seen - low) * (255 / (high - low)))
        logits, above = [], None
        for scale in reversed(range(len(maps))):
            above = self.mixed(maps[scale] / RMS[scale], above, scale)
            logits.append(self.head(above, labels, scale, train=train))
        return jnp.stack(logits[::-1], axis=-1)

    def maps(self, pixels: Array) -> list[Array]:
        """Return the maps float32 of 1/4 to 1/32 of images [B, H, W, 1 or 3] in 0..255.

        In bfloat16 the network's gradient by the image has a cosine of about 0.6 with the one in float32.
        """

        def see(pixels: Array) -> list[Array]:
            return efficientnet.maps(efficientnet.load_params(), pixels.astype(jnp.float32))[1:]

        if self.is_initializing():  # the heads then need the shapes alone, and compiling takes long
            return jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(see, pixels))
        return see(pixels)

    def mixed(self, x: Array, above: Array | None, scale: int) -> Array:
        """Return [B, H, W, width]: the channels of a map, mixed, and with them those of the next smaller map."""
        x = x @ self.frozen(f"channels_{scale}", (x.shape[-1], self.width))
        if above is None:
            return x
        x = (x + jax.image.resize(above, x.shape, "linear")) / math.sqrt(2)
        return conv(x, self.frozen(f"scales_{scale}", (3, 3, self.width, self.width)))

    def frozen(self, name: str, shape: tuple[int, ...]) -> Array:
        """Return a random kernel that is not trained, which stands with the statistics so that a run keeps it."""
        return self.variable("batch_stats", name, lambda: plain(self.make_rng("params"), shape, jnp.float32)).value

    def head(self, x: Array, labels: Array, scale: int, *, train: bool) -> Array:
        """Return logits [B] of a mixed map, by layers whose kernels have a largest singular value of 1."""

        def layer(x: Array, of_x: nn.Module) -> Array:
            return nn.SpectralNorm(of_x, name=f"norm_{of_x.name}")(x, update_stats=train)

        while max(x.shape[1:3]) > SMALLEST:
            name = f"down_{scale}_{max(x.shape[1:3])}"
            x = leaky_relu(layer(x, Conv(self.width, 4, 2, kernel_init=init, name=name)))
        x = leaky_relu(layer(x, Conv(self.width, min(3, *x.shape[1:3]), kernel_init=init, name=f"keep_{scale}")))
        logits = layer(x, nn.Dense(1, kernel_init=plain, name=f"logit_{scale}")).mean((1, 2, 3))
        if self.condition.size:
            label = self.condition.embed(self.width, nn.initializers.normal(1.0))(labels)
            logits += (x.mean((1, 2)) * label).sum(-1) / math.sqrt(self.width)
        return logits
