"""Normalisation layers. Statistics of batch norm are those of the global batch, over all devices."""

from __future__ import annotations

import dataclasses
import functools
import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer
from jax import lax

from jaxgan.base import axis, checks
from jaxgan.base.types import Array, Config
from jaxgan.nets.init import normal_around

Normalised = tuple[Array, Array, Array]

KINDS = ("batch", "group", "layer", "spectral", "none")
_GROUP = 16  # channels of a group; fewer if 16 does not divide them


@dataclasses.dataclass(frozen=True)
class Norm:
    """How a network normalises its layers. A hashable value, so modules can hold it.

    Attributes:
      kind: 'batch' normalises each channel over the global batch (`BatchNorm`), 'group' 16 channels of one image,
        'layer' all channels of one image. 'spectral' leaves feature maps alone and divides each kernel by its largest
        singular value. 'none' does nothing.
      momentum: of 'batch', as in `BatchNorm`.
      epsilon: added to variances.
      scale_mean: initial scales are drawn from N(scale_mean, scale_stddev^2).
      scale_stddev: 0 for equal initial scales.

    References:
      Wu and He, "Group Normalization", 2018. Ba, Kiros and Hinton, "Layer Normalization", 2016. Miyato, Kataoka, Koyama
      and Yoshida, "Spectral Normalization for Generative Adversarial Networks", 2018.
    """

    kind: str
    momentum: float
    epsilon: float
    scale_mean: float = 1.0
    scale_stddev: float = 0.0

    @property
    def shifts(self) -> bool:
        """Whether it adds a bias to each channel, so that the layer before it needs none."""
        return self.kind not in ("spectral", "none")

    def __call__(self, x: Array, *, train: bool) -> Array:
        """Normalise float[B, H, W, C]. The layer belongs to the module whose `compact` method calls this."""
        init = normal_around(self.scale_mean, self.scale_stddev)
        if self.kind == "batch":
            return BatchNorm(train=train, momentum=self.momentum, epsilon=self.epsilon, scale_init=init)(x)
        if not self.shifts:
            return x
        groups = x.shape[-1] // math.gcd(x.shape[-1], _GROUP) if self.kind == "group" else 1
        return nn.GroupNorm(groups, epsilon=self.epsilon, scale_init=init, use_fast_variance=False)(x)

    def apply(self, layer: nn.Module, x: Array, *, train: bool) -> Array:
        """Return layer(x), with the kernel normalised if the kind is 'spectral'.

        Each pass makes one step of power iteration. Only passes with `train` store its vector, in 'batch_stats'.
        """
        if self.kind == "spectral":
            return nn.SpectralNorm(layer)(x, update_stats=train)
        return layer(x)


def norms(model: Config, *, scale_mean: float = 1.0, scale_stddev: float = 0.0) -> tuple[Norm, Norm]:
    """Return the generator's batch norm and the discriminator's norm.

    Args:
      model: `config.model` with `bn_momentum`, `bn_epsilon` and `d_norm`.
      scale_mean: as in `Norm`.
      scale_stddev: as in `Norm`.

    Raises:
      UserError: an unknown kind.
    """
    checks.one_of("config.model.d_norm", model.d_norm, KINDS)
    kinds = "batch", model.d_norm
    of_g, of_d = (Norm(kind, model.bn_momentum, model.bn_epsilon, scale_mean, scale_stddev) for kind in kinds)
    return of_g, of_d


class BatchNorm(nn.Module):
    """Batch norm over all axes but the last. Reads checkpoints of `flax.linen.BatchNorm`.

        y = scale (x - mean) / sqrt(var + epsilon) + bias
        running = momentum running + (1 - momentum) batch

    Attributes:
      train: whether to use the batch's statistics and update the running ones; else the running ones are used.
      momentum: weight of the old running value, in 0..1. PyTorch's 0.1 is 0.9 here.
      epsilon: added to the variance.
      scale_init: initialiser of the scale; the bias starts at 0.

    References:
      Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 1. The running variance is the biased one.
    """

    train: bool
    momentum: float
    epsilon: float
    scale_init: Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map float[..., C] to the same shape and type; statistics are float32 or wider."""
        checks.floats("x", x)
        shape = x.shape[-1:]
        scale = self.param("scale", self.scale_init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape, jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, shape, jnp.float32)
        if not self.train:
            return _shift_and_scale(x, mean.value, lax.rsqrt(var.value + self.epsilon), scale, bias)
        y, batch_mean, batch_var = _normalise(x, scale, bias, self.epsilon)
        if not self.is_initializing():
            mean.value = self.momentum * mean.value + (1 - self.momentum) * batch_mean
            var.value = self.momentum * var.value + (1 - self.momentum) * batch_var
        return y


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _normalise(x: Array, scale: Array, bias: Array, epsilon: float) -> Normalised:
    """Return normalised, scaled and shifted x [..., C], and the mean and variance of the batch, each [C]."""
    mean = _mean(x)
    # E[x^2] - E[x]^2 would cancel for huge inputs, such as scaled latents.
    var = _mean(jnp.square(x - _along(x, mean)))
    return _shift_and_scale(x, mean, lax.rsqrt(var + epsilon), scale, bias), mean, var


@_normalise.defjvp
def _tangents(
    epsilon: float, primals: tuple[Array, Array, Array], tangents: tuple[Array, Array, Array]
) -> tuple[Normalised, Normalised]:
    """Return the results of `_normalise` and their tangents.

        dmean = mean(dx),   dvar = 2 mean(dx h),
        dy = gain dx + h (dscale - gain dvar / (2 std)) / std + dbias - gain dmean

    where h = x - mean, gain = scale / std, and means are over the global batch. The transpose of this form, the
    gradient, reads the feature maps in two sums and one more pass. JAX's own derivative reads them twice as often.
    """
    (x, scale, bias), (dx, dscale, dbias) = primals, tangents
    y, mean, var = _normalise(x, scale, bias, epsilon)
    inverse = lax.rsqrt(var + epsilon)
    gain = inverse * scale
    centred = x - _along(x, mean)
    axes, num = tuple(range(x.ndim - 1)), math.prod(x.shape[:-1])
    dx = dx.astype(centred.dtype)
    dmean, half_dvar = axis.mean((dx.sum(axes) / num, (dx * centred).sum(axes) / num))
    slope = inverse * (dscale - gain * inverse * half_dvar)
    dy = dx * _along(x, gain) + centred * _along(x, slope) + _along(x, dbias - gain * dmean)
    return (y, mean, var), (dy.astype(x.dtype), dmean, 2 * half_dvar)


def _mean(x: Array) -> Array:
    return axis.mean(jnp.mean(x, tuple(range(x.ndim - 1)), dtype=jnp.promote_types(x.dtype, jnp.float32)))


def _shift_and_scale(x: Array, mean: Array, inverse: Array, scale: Array, bias: Array) -> Array:
    return ((x - _along(x, mean)) * _along(x, inverse * scale) + _along(x, bias)).astype(x.dtype)


def _along(x: Array, channels: Array) -> Array:
    """Reshape [C] to the rank of x."""
    return channels.reshape((1,) * (x.ndim - 1) + (-1,))
