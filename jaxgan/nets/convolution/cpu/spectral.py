"""Convolutions with large kernels on small maps, as products of Fourier transforms.

One bilinear algorithm gives the convolution and both gradients. With the matrices M, K, A of `_transforms`

    <conv(x, w), g> = sum over R of (M x) (K w) (A g),

so each of the three is a product of two transforms, multiplied by the transpose of the third matrix.

References:
  Mathieu, Henaff, LeCun, "Fast Training of Convolutional Networks through FFTs", 2014.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.base.types import Array
from jaxgan.nets.convolution.geometry import Geometry, Pair

# A plain convolution with 3 times the products takes longer; found by timing on a CPU.
_FACTOR = 3


def pays(geo: Geometry, batch: int, channels: Sequence[int]) -> bool:
    """Return whether the functions below are faster than a plain convolution. They know strides of 1 only."""
    if geo.strides != (1, 1) or min(channels) < 32:
        return False
    pixels, outputs, (c, f) = math.prod(geo.size), math.prod(geo.outputs), channels
    of_kernels = math.prod(geo.taps) * c * f
    of_maps = batch * (c * f + c * pixels + f * outputs)
    return batch * outputs * of_kernels >= _FACTOR * _num_products(_periods(geo)) * (of_maps + of_kernels)


def forward(geo: Geometry, x: Array, w: Array) -> Array:
    """Convolve x [B, H, W, C] and w [k, k, C, F] to [B, H', W', F] with stride 1.

    A 5 x 5 kernel on 7 x 7 maps takes 121 products for each pair of channels instead of 1225.
    """
    maps, kernels, back = _transforms(geo)
    return _maps(_multiply(maps, kernels, back.T, _columns(x), _flat(w)), geo.outputs)


def input_grad(geo: Geometry, w: Array, g: Array) -> Array:
    """Return the input gradient of w [k, k, C, F] and g [B, H', W', F]: [B, H, W, C]."""
    maps, kernels, back = _transforms(geo)
    return _maps(_multiply(back, kernels, maps.T, _columns(g), jnp.swapaxes(_flat(w), 1, 2)), geo.size)


def kernel_grad(geo: Geometry, x: Array, g: Array) -> Array:
    """Return the kernel gradient of x [B, H, W, C] and g [B, H', W', F]: [k, k, C, F]."""
    maps, kernels, back = _transforms(geo)
    grad = _multiply(maps, back, kernels.T, _rows(x), _rows(g))
    return grad.reshape(*geo.taps, *grad.shape[1:])


def _multiply(first: np.ndarray, second: np.ndarray, third: np.ndarray, x: Array, w: Array) -> Array:
    """Return third ((first x)^T (second w)) of x [P, K, M] and w [T, K, N]: [Q, M, N]."""
    (k, m), n = x.shape[1:], w.shape[2]
    # At least float32, since the inverse transform cancels.
    dtype, wide = x.dtype, jnp.promote_types(x.dtype, jnp.float32)
    p, q, r, x, w = (jnp.asarray(array, wide) for array in (first, second, third, x, w))
    # The barriers keep XLA from folding transposes into the products, which makes them slow.
    x, w = lax.optimization_barrier(x.reshape(-1, k * m)), lax.optimization_barrier(w.reshape(-1, k * n))
    # Contracted over the middle axis, these products stay with XLA. YNNPACK takes up to twice as long for them.
    y = jnp.einsum("rkm,rkn->rmn", (p @ x).reshape(-1, k, m), (q @ w).reshape(-1, k, n))
    return (r @ y.reshape(-1, m * n)).reshape(-1, m, n).astype(dtype)


def _rows(x: Array) -> Array:
    """Move positions first: [B, H, W, C] to [H W, B, C]."""
    return _flat(jnp.transpose(x, (1, 2, 0, 3)))


def _columns(x: Array) -> Array:
    """Move images last: [B, H, W, C] to [H W, C, B]."""
    return _flat(jnp.transpose(x, (1, 2, 3, 0)))


def _flat(w: Array) -> Array:
    """Merge the first two axes: [k, k, C, F] to [k k, C, F]."""
    return w.reshape(-1, *w.shape[2:])


def _maps(y: Array, size: Pair) -> Array:
    """Undo `_rows`: [H W, B, C] to [B, H, W, C]."""
    return jnp.transpose(y.reshape(*size, *y.shape[1:]), (2, 0, 1, 3))


def _periods(geo: Geometry) -> Pair:
    """Return for each axis the shortest period of a cyclic convolution whose wrapped terms miss all outputs."""
    axes = zip(geo.size, geo.taps, geo.pads, geo.outputs, strict=True)
    rows, cols = (max(n, m, n + low, m + k - 1 - low) for n, k, (low, _), m in axes)
    return rows, cols


def _num_products(periods: Pair) -> int:
    """Return R: 3 products for each pair of conjugate frequencies, 1 for each that is its own conjugate."""
    own = math.prod(2 - period % 2 for period in periods)
    return own + 3 * (math.prod(periods) - own) // 2


def _transforms(geo: Geometry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the real matrices M [R, H W], K [R, k k] and A [R, H' W']."""
    periods, pads = _periods(geo), geo.pads
    freqs = _grid((0, 0), periods)
    order, mirrored = (f @ (periods[1], 1) for f in (freqs, -freqs % periods))
    spans = (((0, 0), geo.size), ((-pads[0][0], -pads[1][0]), geo.taps), ((0, 0), geo.outputs))
    angles = [2 * np.pi * (freqs / periods) @ _grid(*span).T for span in spans]
    own = [np.cos(angle[order == mirrored]) for angle in angles]
    (xr, xi), (wr, wi), (yr, yi) = ((np.cos(a[order < mirrored]), np.sin(a[order < mirrored])) for a in angles)
    # Gauss: (xr - i xi)(wr + i wi) in three real products, (xr - xi) wr, xr (wi - wr) and -xi (wr + wi).
    maps = np.concatenate([own[0], xr - xi, xr, -xi])
    kernels = np.concatenate([own[1], wr, wi - wr, wr + wi])
    back = np.concatenate([own[2], 2 * (yr - yi), -2 * yi, -2 * yr]) / math.prod(periods)
    return maps, kernels, back


def _grid(starts: Pair, counts: Pair) -> np.ndarray:
    """Return all points [N, 2] of a grid."""
    axes = [np.arange(start, start + count) for start, count in zip(starts, counts, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
