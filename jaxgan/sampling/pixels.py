"""Many images as bytes, made part by part, so that memory stays bounded."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import machine
from jaxgan.base.checks import NotFinite
from jaxgan.base.pixels import to_uint8
from jaxgan.base.types import Array, Map
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.sampler import generate

# Images made at once, which bounds memory.
PART = 256


def generate_pixels(
    params: GeneratorParams, z: Array, labels: Array | None, stats: str = "running", *, over: Map = map
) -> np.ndarray:
    """Make the images of any number of latents, at most 256 at once.

    With stats='batch', batch norm uses the statistics of the images made together: all N where N <= 256. More are
    dealt out like cards to parts of nearly the same size, so that each part has every class of `spread_labels`.

    Args:
      params: the generator.
      z: float32[N, *latent.shape].
      labels: see `generate`, int32[N] or float32[N, K]; None for an unconditional GAN.
      stats: see `generate`.
      over: calls the function that makes a part for each of them, as `map` does.

    Returns:
      uint8[N, H, W, C].

    Raises:
      ValueError: see `generate`.
      FloatingPointError: an image has pixels that are no numbers.
    """
    return _in_parts(_compiled(stats, to_uint8), params, z, labels, over)


def generate_floats(params: GeneratorParams, z: Array, labels: Array | None, stats: str = "running") -> np.ndarray:
    """Do what `generate_pixels` does, without rounding to bytes: float32[N, H, W, C] in [-1, 1]."""
    return _in_parts(_compiled(stats, jnp.asarray), params, z, labels, map)


def _in_parts(
    make: Callable[..., Any], params: GeneratorParams, z: Array, labels: Array | None, over: Map
) -> np.ndarray:
    machine.keep_memory()
    num_parts = max(1, math.ceil(len(z) / PART))
    parts = [slice(first, None, num_parts) for first in range(num_parts)]

    def inputs(rows: slice) -> tuple[GeneratorParams, Array, Array | None]:
        return params, z[rows], None if labels is None else labels[rows]

    one = jax.eval_shape(make, *inputs(parts[0]))[0]
    pixels = np.empty((len(z), *one.shape[1:]), one.dtype)
    for rows, (made, finite) in zip(parts, over(lambda rows: make(*inputs(rows)), parts), strict=True):
        pixels[rows] = made
        if not finite:
            raise NotFinite("the generator made pixels that are no numbers; scale latents less, or load another step.")
    return pixels


@functools.cache
def _compiled(
    stats: str, convert: Callable[[Array], Array]
) -> Callable[[GeneratorParams, Array, Array | None], tuple[Array, Array]]:
    """Return a function that makes images [N, H, W, C], converted, and says whether all pixels were numbers."""

    def make(params, z, labels):
        images = generate(params, z, labels, stats=stats)
        return convert(images), jnp.isfinite(images).all()

    return jax.jit(make, compiler_options=machine.compiler_options())
