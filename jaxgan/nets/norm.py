"""Batch normalisation whose statistics are those of the whole batch, over all devices."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer
from jax import lax

from jaxgan.base import axis
from jaxgan.base.types import Array

Normalised = tuple[Array, Array, Array]


class BatchNorm(nn.Module):
    """Batch norm over all axes but the last, with the variables of `flax.linen.BatchNorm`, so its checkpoints too.

    With `train` it can be differentiated in reverse mode only, to any order.

    Attributes:
      train: normalise with the batch's statistics and move the running ones; else use the running ones.
      momentum: weight of the old running value, in 0..1 (PyTorch's 0.1 is 0.9 here).
      epsilon: added to the variance.
      scale_init: initialiser of the scale; the shift starts at 0.

    References:
      Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 1. The running variance is the biased one.
    """

    train: bool
    momentum: float
    epsilon: float
    scale_init: Initializer = nn.initializers.ones

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [..., C] to the same shape and type; statistics are float32 or wider."""
        shape = x.shape[-1:]
        scale = self.param("scale", self.scale_init, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        mean = self.variable("batch_stats", "mean", jnp.zeros, shape)
        var = self.variable("batch_stats", "var", jnp.ones, shape)
        if not self.train:
            return _shift_and_scale(x, mean.value, lax.rsqrt(var.value + self.epsilon), scale, bias)
        y, batch_mean, batch_var = _normalise(x, scale, bias, self.epsilon)
        if not self.is_initializing():
            mean.value = self.momentum * mean.value + (1 - self.momentum) * batch_mean
            var.value = self.momentum * var.value + (1 - self.momentum) * batch_var
        return y


def _values(x: Array, scale: Array, bias: Array, epsilon: float) -> Normalised:
    """Return x [..., C] normalised, scaled and shifted, and the batch's mean and variance, each [C]."""
    mean = _mean(x)
    # E[x^2] - E[x]^2 cancels where inputs are huge, as in latent-scale experiments.
    var = _mean(jnp.square(x - _along(x, mean)))
    return _shift_and_scale(x, mean, lax.rsqrt(var + epsilon), scale, bias), mean, var


def _forward(x: Array, scale: Array, bias: Array, epsilon: float) -> tuple[Normalised, tuple[Array, ...]]:
    y, mean, var = _normalise(x, scale, bias, epsilon)
    return (y, mean, var), (x, scale, bias, mean, lax.rsqrt(var + epsilon))


def _backward(epsilon: float, residuals: tuple[Array, ...], grads: Normalised) -> tuple[Array, Array, Array]:
    """Return the gradients by x, scale and bias, the latter two of this device's share as everywhere in the step.

        dx = gain (g - mean(g) - h mean(g h)) + (dmean + 2 (x - mean) dvar) / n,   h = (x - mean) / std,

    where gain is scale / std, means and n are over the whole batch, and dmean and dvar are the statistics' own.
    """
    del epsilon
    x, scale, bias, mean, inverse = residuals
    g, of_mean, of_var = grads
    axes = tuple(range(x.ndim - 1))
    centred = x - _along(x, mean)
    of_bias = g.sum(axes, dtype=mean.dtype)
    of_scale = (g * centred).sum(axes, dtype=mean.dtype) * inverse
    gain = inverse * scale
    slope, shift = axis.mean((2 * of_var - gain * inverse * of_scale, of_mean - gain * of_bias))
    num = math.prod(x.shape[:-1])  # this device's: the means have divided by the number of devices
    of_x = g * _along(x, gain) + centred * _along(x, slope / num) + _along(x, shift / num)
    return of_x.astype(x.dtype), of_scale.astype(scale.dtype), of_bias.astype(bias.dtype)


# Two sums over the maps and one more pass; the derivative of the forward pass reads them twice as often.
_normalise = jax.custom_vjp(_values, nondiff_argnums=(3,))
_normalise.defvjp(_forward, _backward)


def _mean(x: Array) -> Array:
    return axis.mean(jnp.mean(x, tuple(range(x.ndim - 1)), dtype=jnp.promote_types(x.dtype, jnp.float32)))


def _shift_and_scale(x: Array, mean: Array, inverse: Array, scale: Array, bias: Array) -> Array:
    return ((x - _along(x, mean)) * _along(x, inverse * scale) + _along(x, bias)).astype(x.dtype)


def _along(x: Array, channels: Array) -> Array:
    """Give [C] the rank of x."""
    return channels.reshape((1,) * (x.ndim - 1) + (-1,))
