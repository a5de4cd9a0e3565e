"""Minibatch standard deviation: a feature that shows D how much the images of a batch differ."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.base import axis
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array


def append_std(x: Array, group_size: int) -> Array:
    """Append a channel with the mean standard deviation of the features within a group of images.

        s = mean over ..., C of sqrt(var over the group of x + 1e-8),   one number for each group

    A group is `group_size` neighbouring rows, or all rows if there are fewer. Its rows belong to one device, and are
    all real or all generated. If its size divides a device's rows, groups do not depend on the number of devices. The
    reference groups rows that are far apart. Either way the rows must be independent draws.

    Args:
      x: float[B, ..., C].
      group_size: rows of a group; 0 appends nothing.

    Returns:
      float[B, ..., C + 1] of the same type, or x.

    Raises:
      UserError: the rows do not divide into groups.

    References:
      Karras, Aila, Laine and Lehtinen, "Progressive Growing of GANs for Improved Quality, Stability, and Variation",
      2018, section 3. Groups, of 4 there: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN", 2020.
    """
    if not group_size:
        return x
    rows = axis.share_size(len(x))
    size = min(group_size, rows)
    if rows % size:
        raise UserError(f"{rows} images do not divide into groups of {size}; choose a batch size that is a multiple.")
    groups = x.reshape(-1, size, *x.shape[1:]).astype(jnp.promote_types(x.dtype, jnp.float32))
    std = jnp.sqrt(jnp.var(groups, axis=1) + 1e-8).mean(tuple(range(1, x.ndim)))
    channel = jnp.repeat(std, size).reshape(-1, *(1,) * (x.ndim - 1))
    return jnp.concatenate([x, jnp.broadcast_to(channel, (*x.shape[:-1], 1)).astype(x.dtype)], axis=-1)
