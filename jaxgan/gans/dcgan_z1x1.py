"""DCGAN for 28x28 grey images, whose latent is a map of one pixel. All layers but D's last are convolutions.

No layer before a batch norm has a bias. So with batch statistics the images do not depend on the scale of the latent:
G(k z) = G(z) for k > 0, up to batch norm's epsilon.

References:
  Radford, Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
  Adversarial Networks", 2015. Layers and numbers are those of Tommy Huang, "Pytorch_DL_Implement:
  12_Pytorch_DCGAN", 2021.
"""

from __future__ import annotations

from functools import partial

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
# PyTorch's default for a dense kernel, U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
PYTORCH = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")


class Generator(nn.Module):
    """z [B, 1, 1, Z] -> images [B, 28, 28, 1] in [-1, 1]."""

    init_stddev: float
    norm: Norm

    @nn.compact
    def __call__(self, z: Array, labels: Array, *, train: bool) -> Array:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        # PyTorch's padding 1 for both. `grow` takes height n to 2 n with stride 2, and to n + 1 with stride 1.
        keep = partial(Conv, kernel_size=3, padding=((1, 1), (1, 1)), kernel_init=init)
        grow = partial(ConvTranspose, kernel_size=4, padding=((2, 2), (2, 2)), kernel_init=init)
        blocks = (
            (grow, 256, 2),  # height 2
            (keep, 128, 1),
            (grow, 256, 1),  # 3
            (grow, 256, 2),  # 6
            (grow, 128, 1),  # 7
            (grow, 128, 2),  # 14
            (keep, 128, 1),
            (grow, 64, 2),  # 28
            (keep, 64, 1),
            (keep, 64, 1),
        )
        x = z
        for layer, features, stride in blocks:
            x = layer(features, strides=stride, use_bias=False)(x)
            x = nn.relu(self.norm(x, train=train))
        return jnp.tanh(keep(1, bias_init=uniform_within((3 * 3 * 64) ** -0.5))(x))


class Discriminator(nn.Module):
    """Images [B, 28, 28, 1] -> logits [B], the logit of class real minus the logit of class fake."""

    leaky: bool
    init_stddev: float
    norm: Norm
    group: int

    @nn.compact
    def __call__(self, images: Array, labels: Array, *, train: bool) -> tuple[Array, None]:
        del labels
        init = nn.initializers.normal(self.init_stddev)
        activation = leaky_relu if self.leaky else nn.relu
        x = images
        for features, stride in (32, 2), (64, 1), (128, 2), (128, 2), (64, 2):
            bias = not self.norm.shifts
            conv = Conv(features, 3, stride, padding=((1, 1), (1, 1)), use_bias=bias, kernel_init=init)
            x = self.norm.apply(conv, x, train=train)
            x = activation(self.norm(x, train=train))
        head = nn.Dense(2, kernel_init=PYTORCH, bias_init=uniform_within(64**-0.5))
        pair = self.norm.apply(head, append_std(x, self.group).mean((1, 2)), train=train)
        # Softmax cross-entropy of (fake, real) is the logistic loss of their difference.
        return pair[:, 1] - pair[:, 0], None


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN; UserError for images that are not 28x28x1."""
    checks.check_pixels("dcgan_z1x1", config.data.range, -1.0, 1.0)
    checks.check_exact("dcgan_z1x1", data.image_shape, (28, 28, 1), other="dcgan64")
    model = completed(config.model, ADDED)
    checks.in_range("config.model.d_group", model.d_group, 0)
    g_norm, d_norm = norms(model, scale_stddev=model.init_stddev)
    return Gan.from_config(
        config,
        data,
        generator=Generator(model.init_stddev, g_norm),
        discriminator=Discriminator(model.leaky, model.init_stddev, d_norm, model.d_group),
        latent=Latent((1, 1, model.latent_size), model.latent_law),
    )
