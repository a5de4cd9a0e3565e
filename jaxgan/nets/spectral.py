"""Convolutions with large kernels on small maps, as products of Fourier transforms."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.types import Array

Pair = tuple[int, int]


def _outputs(size: Pair, taps: Pair, pads: tuple[Pair, Pair]) -> Pair:
    """Return H' and W'."""
    h, w = (n + sum(pad) - k + 1 for n, k, pad in zip(size, taps, pads, strict=True))
    return h, w


def _periods(size: Pair, taps: Pair, pads: tuple[Pair, Pair]) -> Pair:
    """Return for each axis the shortest cyclic convolution whose wrapped terms miss all outputs."""
    axes = zip(size, taps, pads, _outputs(size, taps, pads), strict=True)
    rows, cols = (max(n, m, n + low, m + k - 1 - low) for n, k, (low, _), m in axes)
    return rows, cols


def pays(size: Pair, taps: Pair, pads: tuple[Pair, Pair], channels: Pair) -> bool:
    """Say whether `convolve` beats a plain convolution; the numbers were found by timing on a CPU."""
    rows, cols = _periods(size, taps, pads)
    products = math.prod(taps) * math.prod(_outputs(size, taps, pads))
    return min(channels) >= 64 and products >= 12 * rows * (cols // 2 + 1)


def _waves(size: Pair, taps: Pair, pads: tuple[Pair, Pair]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the transforms of maps [Q, H W], of kernels [Q, k k] and back [H' W', Q]; Q = N (N // 2 + 1)."""
    maps, kernels, back = [], [], []
    axes = zip(size, taps, pads, _outputs(size, taps, pads), _periods(size, taps, pads), strict=True)
    for axis, (n, k, (low, _), m, period) in enumerate(axes):
        # Real maps need half of the second axis: what is left out is the conjugate of what is there.
        freq = np.arange(period if axis == 0 else period // 2 + 1)
        twice = np.where((axis == 1) & (freq > 0) & (2 * freq != period), 2, 1)
        wave = 2j * np.pi * freq[:, None] / period
        maps.append(np.exp(-wave * np.arange(n)))
        kernels.append(np.exp(wave * (np.arange(k) - low)))
        back.append((np.exp(wave * np.arange(m)) * twice[:, None] / period).T)
    return np.kron(*maps), np.kron(*kernels), np.kron(*back)


def convolve(x: Array, w: Array, pads: tuple[Pair, Pair]) -> Array:
    """Convolve with stride 1: transform maps and kernel by matrices, multiply, transform back.

    A 5 x 5 kernel on 7 x 7 maps takes 3 * 45 products for each pair of channels instead of 1225. The
    transposes that JAX derives have the same form.

    Args:
      x: [B, H, W, C].
      w: [k, k, C, F].
      pads: ((low, high), (low, high)).

    Returns:
      [B, H', W', F].

    References:
      Mathieu, Henaff, LeCun, "Fast Training of Convolutional Networks through FFTs", 2014.
    """
    b, h, width, c = x.shape
    k, l, _, f = w.shape  # noqa: E741
    maps, kernels, back = (jnp.asarray([np.real(a), np.imag(a)], x.dtype) for a in _waves((h, width), (k, l), pads))
    # The barrier keeps XLA from folding the transpose into the product, which then is slow.
    x = lax.optimization_barrier(jnp.swapaxes(x.reshape(b, -1, c), 0, 1)).reshape(-1, b * c)
    xr, xi = (maps.reshape(-1, h * width) @ x).reshape(2, -1, b, c)
    wr, wi = (kernels.reshape(-1, k * l) @ w.reshape(-1, c * f)).reshape(2, -1, c, f)
    # Gauss: (xr + i xi)(wr + i wi) in three real products.
    both, right, left = (xr + xi) @ wr, xr @ (wi - wr), xi @ (wr + wi)
    y = jnp.stack([both - left, -(both + right)]).reshape(-1, b * f)
    y = jnp.concatenate([back[0], back[1]], axis=1) @ y
    return jnp.moveaxis(y.reshape(*_outputs((h, width), (k, l), pads), b, f), 2, 0)
