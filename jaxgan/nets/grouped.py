"""Convolutions of groups of channels that do not mix, fast on a CPU too."""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer
from jax import lax

from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.nets.conv import conv, current_form

# Channels of a full convolution that stands for several groups: fewer take longer to compile, more multiply more zeros.
_JOINED = 32


def grouped_conv(x: Array, kernel: Array, groups: int) -> Array:
    """Convolve each group of channels by itself, with stride 1 and zeros around x.

    On a CPU, XLA makes such convolutions slowly, and their gradients a hundred times slower than those of full ones.
    There a few groups become one full convolution, with zeros in its kernel between them.

    Args:
      x: [B, H, W, C].
      kernel: [k, k, C / groups, F], whose outputs are those of the first group, then of the second, and so on.
      groups: that divides C and F.

    Returns:
      [B, H, W, F], as `jax.lax.conv_general_dilated` with `feature_group_count`.
    """
    (height, width, inputs, features), channels = kernel.shape, x.shape[-1]
    if channels != groups * inputs or features % groups:
        raise UserError(
            f"{channels} channels, {features} outputs, {groups} groups, a kernel of {inputs}: they do not fit."
        )
    if current_form() == "lax":
        return lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
        )
    joined = max(n for n in range(1, groups + 1) if groups % n == 0 and (n == 1 or n * inputs <= _JOINED))
    parts = groups // joined
    apart = kernel.reshape(height, width, inputs, parts, joined, features // groups)
    full = jnp.einsum("hwipjo,jk->phwkijo", apart, jnp.eye(joined, dtype=kernel.dtype))
    full = full.reshape(parts, height, width, joined * inputs, features // parts)
    return jnp.concatenate([conv(part, one) for part, one in zip(jnp.split(x, parts, -1), full, strict=True)], -1)


class GroupedConv(nn.Module):
    """A convolution of groups with the parameter of `flax.linen.Conv(..., feature_group_count=groups, use_bias=False)`.

    Attributes:
      features: F.
      kernel_size: k.
      groups: of channels.
      kernel_init: of the kernel [k, k, C / groups, F].
    """

    features: int
    kernel_size: int
    groups: int
    kernel_init: Initializer

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to [B, H, W, F]."""
        size = self.kernel_size
        kernel = self.param(
            "kernel", self.kernel_init, (size, size, x.shape[-1] // self.groups, self.features), jnp.float32
        )
        return grouped_conv(x, kernel.astype(x.dtype), self.groups)
