"""Walks between latents."""

from __future__ import annotations

import functools

import jax
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
      ValueError: ends of different shapes or of whole numbers, or no points.

    References:
      White, "Sampling Generative Networks", 2016, section 2.1.
    """
    if start.shape != stop.shape:
        raise UserError(f"a walk leads from latents {start.shape} to {stop.shape}; expected the same shape twice.")
    checks.in_range("num", num, 1)
    if start.ndim < 2:
        raise UserError(f"a walk leads from latents {start.shape}; expected [N, ...], such as z[:1] for a single one.")
    if not (jnp.issubdtype(start.dtype, jnp.floating) and jnp.issubdtype(stop.dtype, jnp.floating)):
        raise UserError(f"a walk leads from {start.dtype} to {stop.dtype}; expected floats, such as latents.")
    return _walk(start, stop, num, spherical)


def along(z: Array, direction: Array, num: int, reach: float) -> Array:
    """Walk from some latents along a direction, from -reach to reach.

    z + (t - z d) d,  t in [-reach, reach]

    Args:
      z: float[N, ...]; of each, the part in the direction is replaced.
      direction: d, float[...] of length 1.
      num: points of each walk, ends included.
      reach: such as 3 standard deviations of z.

    Returns:
      float[N, num, ...].
    """
    axes = tuple(range(1, z.ndim))
    step = direction[None]
    rest = z - (z * step).sum(axes, keepdims=True) * step
    t = jnp.linspace(-reach, reach, num, dtype=z.dtype).reshape(1, num, *(1,) * len(axes))
    return rest[:, None] + t * step[None]


@functools.partial(jax.jit, static_argnums=(2, 3))
def _walk(start: Array, stop: Array, num: int, spherical: bool) -> Array:
    t = jnp.linspace(0.0, 1.0, num, dtype=start.dtype).reshape(1, num, *(1,) * (start.ndim - 1))
    a, b = start[:, None], stop[:, None]
    straight = (1 - t) * a + t * b
    if not spherical:
        return straight
    cosine = _cosine(a, b)
    # Parallel latents have no arc between them; there the two formulas agree, and the angle has no gradient.
    flat = jnp.sin(jnp.arccos(cosine)) < 1e-4
    angle = jnp.arccos(jnp.where(flat, 0.0, cosine))
    arc = (jnp.sin((1 - t) * angle) * a + jnp.sin(t * angle) * b) / jnp.sin(angle)
    return jnp.where(flat, straight, arc)


def _cosine(a: Array, b: Array) -> Array:
    """Return the cosine of the angle between latents [N, 1, ...]; 0 where one has no direction, being of zeros."""
    axes = tuple(range(2, a.ndim))
    dot, *squares = (jnp.sum(x * y, axes, keepdims=True) for x, y in ((a, b), (a, a), (b, b)))
    some = (squares[0] > 0) & (squares[1] > 0)
    # Both branches of `where` need finite gradients.
    lengths = [jnp.sqrt(jnp.where(some, square, 1.0)) for square in squares]
    product = jnp.maximum(lengths[0] * lengths[1], jnp.finfo(a.dtype).tiny)
    return jnp.clip(jnp.where(some, dot / product, 0.0), -1.0, 1.0)
