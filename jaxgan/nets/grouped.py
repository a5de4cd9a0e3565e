"""Grouped convolutions, fast on a CPU too."""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn
from flax.typing import Initializer
from jax import lax

from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.nets.conv import conv, current_form
from jaxgan.nets.convolution.xla import DIMS

# Input channels of a full convolution that replaces several groups. Fewer take longer to compile, and more multiply
# more zeros.
_JOINED = 32


def grouped_conv(x: Array, kernel: Array, groups: int) -> Array:
    """Convolve each group of channels by itself, with stride 1 and 'SAME' padding.

    On a CPU, XLA's grouped convolutions are slow. Their gradients take a hundred times as long as those of full
    convolutions. There, a few groups at a time become one full convolution, whose kernel is zero between groups.

    Args:
      x: float[B, H, W, C].
      kernel: float[k, k, C / groups, F]; the outputs of the first group come first, then those of the second.
      groups: number of groups; divides C and F.

    Returns:
      float[B, H, W, F], as `jax.lax.conv_general_dilated` with `feature_group_count`.

    Raises:
      UserError: numbers of channels that do not fit.
    """
    (height, width, inputs, features), channels = kernel.shape, x.shape[-1]
    if channels != groups * inputs or features % groups:
        raise UserError(
            f"a grouped convolution has {channels} channels, {features} outputs, {groups} groups and {inputs} channels "
            "in its kernel; expected groups that divide channels and outputs, and channels / groups in the kernel."
        )
    if current_form() == "lax":
        return lax.conv_general_dilated(x, kernel, (1, 1), "SAME", dimension_numbers=DIMS, feature_group_count=groups)
    joined = max(n for n in range(1, groups + 1) if groups % n == 0 and (n == 1 or n * inputs <= _JOINED))
    parts = groups // joined
    apart = kernel.reshape(height, width, inputs, parts, joined, features // groups)
    full = jnp.einsum("hwipjo,jk->phwkijo", apart, jnp.eye(joined, dtype=kernel.dtype))
    full = full.reshape(parts, height, width, joined * inputs, features // parts)
    return jnp.concatenate([conv(part, one) for part, one in zip(jnp.split(x, parts, -1), full, strict=True)], -1)


class GroupedConv(nn.Module):
    """Grouped convolution layer with the parameter of `flax.linen.Conv(feature_group_count=groups, use_bias=False)`.

    Attributes:
      features: F.
      kernel_size: k.
      groups: number of groups.
      kernel_init: initialiser of the kernel [k, k, C / groups, F].
    """

    features: int
    kernel_size: int
    groups: int
    kernel_init: Initializer

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map float[B, H, W, C] to float[B, H, W, F] of the same type."""
        size = self.kernel_size
        kernel = self.param(
            "kernel", self.kernel_init, (size, size, x.shape[-1] // self.groups, self.features), jnp.float32
        )
        return grouped_conv(x, kernel.astype(x.dtype), self.groups)
