"""Walks between latents."""

from __future__ import annotations

import jax.numpy as jnp

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array


def interpolate(start: Array, stop: Array, num: int, *, spherical: bool) -> Array:
    """Walk from some latents to others.

    linear:    (1 - t) a + t b
    spherical: (sin((1 - t) w) a + sin(t w) b) / sin(w), with w the angle between a and b

    Args:
      start: a, float[N, ...].
      stop: b, of the same shape.
      num: points of each walk, ends included.
      spherical: keeps the length of normal latents, which a straight line through the ball does not.

    Returns:
      float[N, num, ...].

    Raises:
      ValueError: ends of different shapes, or no points.

    References:
      White, "Sampling Generative Networks", 2016, section 2.1.
    """
    if start.shape != stop.shape:
        raise UserError(f"a walk leads from latents {start.shape} to {stop.shape}; expected the same shape twice.")
    checks.in_range("num", num, 1)
    t = jnp.linspace(0.0, 1.0, num).reshape(1, num, *(1,) * (start.ndim - 1))
    a, b = start[:, None], stop[:, None]
    if not spherical:
        return (1 - t) * a + t * b
    axes = tuple(range(2, a.ndim))

    def length(x):
        return jnp.sqrt(jnp.sum(x * x, axes, keepdims=True))

    # A latent of zeros has no direction; any angle will do, but not 0 / 0.
    cosine = jnp.sum(a * b, axes, keepdims=True) / jnp.maximum(length(a) * length(b), jnp.finfo(a.dtype).tiny)
    angle = jnp.arccos(jnp.clip(cosine, -1.0, 1.0))
    # Parallel latents have no arc between them; there the two formulas agree.
    flat = jnp.sin(angle) < 1e-4
    sine = jnp.where(flat, 1.0, jnp.sin(angle))
    arc = (jnp.sin((1 - t) * angle) * a + jnp.sin(t * angle) * b) / sine
    return jnp.where(flat, (1 - t) * a + t * b, arc)
