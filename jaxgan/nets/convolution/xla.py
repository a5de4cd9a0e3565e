"""The convolution, its input gradient and its kernel gradient as XLA has them, for accelerators.

For GPUs XLA looks for the two gradients by their patterns, and replaces what it finds by kernels of cuDNN. A
dilated map that fits no pattern is written out with its zeros, and multiplied with them: `dcgan64` spent a third of a
step on these.
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
    """Return the gradient by x, the transposed convolution, [k, k, C, F] and [B, H', W', F] to [B, H, W, C]."""
    x = jax.ShapeDtypeStruct((len(g), *geo.size, w.shape[2]), g.dtype)
    # The pattern has a reversed kernel. If w is one, too, the two must not cancel.
    w = lax.optimization_barrier(w)
    return jax.linear_transpose(lambda x: forward(geo, x, w), x)(g)[0]


def kernel_grad(geo: Geometry, x: Array, g: Array) -> Array:
    """Return the gradient by the kernel, [B, H, W, C] and [B, H', W', F] to [k, k, C, F]."""
    w = jax.ShapeDtypeStruct((*geo.taps, x.shape[3], g.shape[3]), x.dtype)
    return jax.linear_transpose(functools.partial(forward, geo, x), w)(g)[0]
