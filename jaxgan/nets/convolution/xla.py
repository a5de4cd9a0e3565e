"""The convolution, its input gradient and its kernel gradient as operations of XLA, for accelerators.

On GPUs, XLA finds the two gradients by their patterns and replaces them by kernels of cuDNN. A dilated map that fits no
pattern is stored with its zeros and multiplied with them. `dcgan64` once spent a third of a step on these.
"""

from __future__ import annotations

import functools

import jax
from jax import lax

from jaxgan.base.types import Array
from jaxgan.nets.convolution.geometry import Geometry

DIMS = ("NHWC", "HWIO", "NHWC")


def forward(geo: Geometry, x: Array, w: Array) -> Array:
    """Convolve [B, H, W, C] and [k, k, C, F] to [B, H', W', F]."""
    return lax.conv_general_dilated(x, w, geo.strides, geo.pads, dimension_numbers=DIMS)


def input_grad(geo: Geometry, w: Array, g: Array) -> Array:
    """Return the input gradient of [k, k, C, F] and [B, H', W', F]: [B, H, W, C]."""
    x = jax.ShapeDtypeStruct((len(g), *geo.size, w.shape[2]), g.dtype)
    # The pattern contains a reversed kernel. XLA must not cancel it with another reversal inside w.
    w = lax.optimization_barrier(w)
    return jax.linear_transpose(lambda x: forward(geo, x, w), x)(g)[0]


def kernel_grad(geo: Geometry, x: Array, g: Array) -> Array:
    """Return the kernel gradient of [B, H, W, C] and [B, H', W', F]: [k, k, C, F]."""
    w = jax.ShapeDtypeStruct((*geo.taps, x.shape[3], g.shape[3]), x.dtype)
    return jax.linear_transpose(functools.partial(forward, geo, x), w)(g)[0]
