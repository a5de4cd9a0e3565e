"""Convolutions that are fast on every platform, with the parameters of Flax's own layers.

XLA on CPU is slow wherever a convolution runs over a *dilated* input: the forward pass of a transposed convolution
and the input gradient of a strided one. Here both are written without dilation. One trilinear form

    T(x, w, g) = <conv(x, w), g>

has three partial derivatives, the convolution itself (by g), its transpose (by x) and its kernel gradient (by w), and
the derivatives of each of them are the other two. So three functions, each with the other two as its backward pass,
can be differentiated any number of times, and a transposed convolution is the second of them.
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.types import Array

Pads = tuple[tuple[int, int], tuple[int, int]]
Padding = str | Sequence[tuple[int, int]]

_DIMS = ("NHWC", "HWIO", "NHWC")
# The one place that says which form runs where: 'phases' on CPU, XLA's own convolution on accelerators.
_PLATFORM_FORM = {"cpu": "phases"}
_forced: list[str] = ["auto"]
# At most this many channels count as few, and this many rows of a matrix product stay in the cache.
_NARROW = 4
_CACHED_ROWS = 1024


@contextlib.contextmanager
def forced(form: str) -> Iterator[None]:
    """Choose the form of all convolutions traced inside: 'auto', 'lax' or 'phases'.

    The choice is made when a function is traced: one that is already compiled keeps its form.
    """
    if form not in ("auto", "lax", "phases"):
        raise ValueError(f"form is {form!r}; expected one of auto, lax, phases.")
    _forced.append(form)
    try:
        yield
    finally:
        _forced.pop()


def current_form() -> str:
    """Return the form that a convolution traced now takes: 'lax' or 'phases'."""
    if _forced[-1] != "auto":
        return _forced[-1]
    return _PLATFORM_FORM.get(jax.default_backend(), "lax")


class _Geometry(NamedTuple):
    """What is static of one convolution x [B, *size, C], w [*taps, C, F] -> y."""

    size: tuple[int, int]
    taps: tuple[int, int]
    strides: tuple[int, int]
    pads: Pads

    @property
    def outputs(self) -> tuple[int, int]:
        """H' and W'."""
        h, w = ((n + sum(p) - k) // s + 1 for n, k, s, p in zip(*self))
        return h, w


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _forward(geo: _Geometry, x: Array, w: Array) -> Array:
    """dT/dg: the convolution, [B, H, W, C] and [k, k, C, F] to [B, H', W', F]."""
    if _is_tiny(geo):
        y = x.reshape(len(x), -1) @ _matrix(geo, w)
        return y.reshape(len(x), *geo.outputs, w.shape[3])
    if geo.strides == (1, 1):
        return _stride_1(x, w, geo.pads)
    return lax.conv_general_dilated(x, w, geo.strides, geo.pads, dimension_numbers=_DIMS)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _input_grad(geo: _Geometry, w: Array, g: Array) -> Array:
    """dT/dx: the transposed convolution, phase by phase.

    Along one axis u[i] = sum_t w[t] g[(i + lo - t) / s] over the taps t for which the division is exact, so the
    outputs of one residue i mod s are a stride-1 convolution of g with every s-th tap: no zeros are multiplied.
    """
    if _is_tiny(geo):
        u = g.reshape(len(g), -1) @ _matrix(geo, w).T
        return u.reshape(len(g), *geo.size, w.shape[2])
    phases = [[_phase(geo, (a, b), w, g) for b in range(geo.strides[1])] for a in range(geo.strides[0])]
    return _interleave(phases, geo.size)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _kernel_grad(geo: _Geometry, x: Array, g: Array) -> Array:
    """dT/dw: the kernel gradient, [B, H, W, C] and [B, H', W', F] to [k, k, C, F]."""
    channels, features = x.shape[-1], g.shape[-1]
    if _is_tiny(geo):
        dense = x.reshape(len(x), -1).T @ g.reshape(len(g), -1)
        return _matrix_transposed(geo, dense, channels, features)
    if channels <= _NARROW:
        return _patches_by_map(geo, x, g)
    if features <= _NARROW and geo.strides == (1, 1):
        # sum_p x[p + t] g[p] is the same sum with the roles exchanged and the taps mirrored.
        pads = tuple((k - 1 - lo, k - 1 - hi) for k, (lo, hi) in zip(geo.taps, geo.pads))
        mirrored = geo._replace(size=geo.outputs, pads=(pads[0], pads[1]))
        return jnp.swapaxes(_patches_by_map(mirrored, g, x)[::-1, ::-1], 2, 3)
    return _map_by_slices(geo, x, g)


_forward.defvjp(
    lambda geo, x, w: (_forward(geo, x, w), (x, w)),
    lambda geo, res, g: (_input_grad(geo, res[1], g), _kernel_grad(geo, res[0], g)),
)
_input_grad.defvjp(
    lambda geo, w, g: (_input_grad(geo, w, g), (w, g)),
    lambda geo, res, x: (_kernel_grad(geo, x, res[1]), _forward(geo, x, res[0])),
)
_kernel_grad.defvjp(
    lambda geo, x, g: (_kernel_grad(geo, x, g), (x, g)),
    lambda geo, res, w: (_input_grad(geo, w, res[1]), _forward(geo, res[0], w)),
)


def _is_tiny(geo: _Geometry) -> bool:
    """Whether maps are so small that one dense matrix from map to map is little larger than the kernel."""
    return math.prod(geo.size) * math.prod(geo.outputs) <= 4 * math.prod(geo.taps)


def _selectors(geo: _Geometry, dtype: Any) -> list[Array]:
    """Return for each axis the 0/1 array [n, m, k] that says which tap joins input n to output m."""
    arrays = []
    for n, m, k, s, (low, _) in zip(geo.size, geo.outputs, geo.taps, geo.strides, geo.pads):
        tap = np.arange(n)[:, None] + low - s * np.arange(m)
        arrays.append(jnp.asarray(tap[..., None] == np.arange(k), dtype))
    return arrays


def _matrix(geo: _Geometry, w: Array) -> Array:
    """Write a kernel as the dense matrix [H W C, H' W' F] of its convolution."""
    dense = jnp.einsum("hpi,wqj,ijcf->hwcpqf", *_selectors(geo, w.dtype), w)
    return dense.reshape(math.prod(geo.size) * w.shape[2], -1)


def _matrix_transposed(geo: _Geometry, dense: Array, channels: int, features: int) -> Array:
    """Sum the gradient of that matrix back into [k, k, C, F]."""
    dense = dense.reshape(*geo.size, channels, *geo.outputs, features)
    return jnp.einsum("hpi,wqj,hwcpqf->ijcf", *_selectors(geo, dense.dtype), dense)


def _stride_1(x: Array, w: Array, pads: Pads) -> Array:
    """Convolve with stride 1."""
    k, l, c, f = w.shape
    if f > _NARROW or c <= _NARROW:
        return lax.conv_general_dilated(x, w, (1, 1), pads, dimension_numbers=_DIMS)
    # With one to four features a convolution starves: multiply all taps first, then add shifted maps.
    y = jnp.einsum("ijcf,bhwc->ijfbhw", w, x)
    y = _pad(y, ((0, 0), *((0, 0),) * 3, *pads))
    rows, cols = y.shape[4] - k + 1, y.shape[5] - l + 1
    taps = [y[i, j, :, :, i : i + rows, j : j + cols] for i in range(k) for j in range(l)]
    return jnp.moveaxis(functools.reduce(jnp.add, taps), 0, -1)


def _pad(x: Array, pads: Sequence[tuple[int, int]]) -> Array:
    """Pad with zeros, or crop where a number is negative."""
    return lax.pad(x, jnp.zeros((), x.dtype), [(low, high, 0) for low, high in pads])


def _pad_maps(geo: _Geometry, x: Array, axis: int) -> Array:
    """Pad H and W, which are at `axis` and `axis` + 1."""
    return _pad(x, [geo.pads[a - axis] if a - axis in (0, 1) else (0, 0) for a in range(x.ndim)])


def _tap_slice(geo: _Geometry, x: Array, axis: int, tap: tuple[int, int]) -> Array:
    """Return the part of the padded maps x that one tap multiplies, of size H' W'."""
    index = [slice(None)] * x.ndim
    for a, (t, s, m) in enumerate(zip(tap, geo.strides, geo.outputs)):
        index[axis + a] = slice(t, t + s * (m - 1) + 1, s)
    return x[tuple(index)]


def _patches_by_map(geo: _Geometry, x: Array, g: Array) -> Array:
    """Kernel gradient where x has few channels: all patches [B, k k C, H' W'] times g [B, H' W', F]."""
    b, c, f = len(x), x.shape[-1], g.shape[-1]
    x = _pad_maps(geo, jnp.moveaxis(x, -1, 1), 2)
    patches = jnp.stack([_tap_slice(geo, x, 2, tap) for tap in np.ndindex(geo.taps)], axis=1)
    grads = patches.reshape(b, -1, math.prod(geo.outputs)) @ g.reshape(b, -1, f)
    return grads.sum(0).reshape(*geo.taps, c, f)


def _map_by_slices(geo: _Geometry, x: Array, g: Array) -> Array:
    """Kernel gradient tap by tap: g transposed [n, F, K] times a slice of x [n, K, C], summed over n.

    The products run over some images at a time, so that both operands stay in the cache.
    """
    b, c, f = len(x), x.shape[-1], g.shape[-1]
    pixels = math.prod(geo.outputs)
    together = max(n for n in range(1, b + 1) if b % n == 0 and (n == 1 or n * pixels <= _CACHED_ROWS))
    # The barrier keeps XLA from folding the transpose into the product, which makes that three times slower.
    g = lax.optimization_barrier(jnp.swapaxes(g.reshape(b // together, -1, f), 1, 2))
    x, grads = _pad_maps(geo, x, 1), []
    for tap in np.ndindex(geo.taps):
        part = _tap_slice(geo, x, 1, tap).reshape(b // together, -1, c)
        grads.append(lax.dot_general(g, part, (((2,), (1,)), ((0,), (0,)))).sum(0))
        # One tap after the other: else XLA cuts all slices first, into memory that it must fault in.
        x, grads[-1] = lax.optimization_barrier((x, grads[-1]))
    return jnp.swapaxes(jnp.stack(grads).reshape(*geo.taps, f, c), 2, 3)


def _phase(geo: _Geometry, residue: tuple[int, int], w: Array, g: Array) -> Array:
    """Return the outputs of `_input_grad` whose coordinates are `residue` modulo the strides."""
    firsts, pads = [], []
    for axis, r in enumerate(residue):
        size, stride, low = geo.size[axis], geo.strides[axis], geo.pads[axis][0]
        first = (r + low) % stride
        taps = len(range(first, geo.taps[axis], stride))
        outputs = -(-size // stride)
        # Output q of this phase reads g[shift + q - m] for the m-th of its taps.
        shift = (r + low - first) // stride
        pads.append((taps - 1 - shift, outputs + shift - g.shape[1 + axis]))
        firsts.append(first)
    sub = w[firsts[0] :: geo.strides[0], firsts[1] :: geo.strides[1]]
    if 0 in sub.shape[:2]:
        return jnp.zeros((g.shape[0], *(-(-n // s) for n, s in zip(geo.size, geo.strides)), w.shape[2]), g.dtype)
    sub = jnp.swapaxes(sub[::-1, ::-1], 2, 3)
    return _stride_1(g, sub, (pads[0], pads[1]))


def _interleave(phases: list[list[Array]], size: tuple[int, int]) -> Array:
    """Weave the phases together (depth to space) and crop to `size`."""
    rows, cols = len(phases), len(phases[0])
    b, h, w, c = phases[0][0].shape
    grid = jnp.stack([jnp.stack(row, axis=3) for row in phases], axis=2)
    return grid.reshape(b, h * rows, w * cols, c)[:, : size[0], : size[1]]


def _explicit(padding: Padding, size: Sequence[int], taps: Sequence[int], strides: Sequence[int]) -> Pads:
    """Return a convolution's padding as ((low, high), (low, high))."""
    if isinstance(padding, str):
        pads = lax.padtype_to_pads(tuple(size), tuple(taps), tuple(strides), padding)
    else:
        pads = padding
    (a, b), (c, d) = pads
    return (int(a), int(b)), (int(c), int(d))


def _explicit_transposed(padding: Padding, taps: Sequence[int], strides: Sequence[int]) -> Pads:
    """Return a transposed convolution's padding of the dilated input, as `jax.lax.conv_transpose` reads it."""
    if not isinstance(padding, str):
        (a, b), (c, d) = padding
        return (int(a), int(b)), (int(c), int(d))
    if padding != "SAME":
        raise ValueError(f"padding is {padding!r}; expected 'SAME' or ((low, high), (low, high)).")
    lows = [k - 1 if s > k - 1 else -(-(k + s - 2) // 2) for k, s in zip(taps, strides)]
    return (
        (lows[0], taps[0] + strides[0] - 2 - lows[0]),
        (lows[1], taps[1] + strides[1] - 2 - lows[1]),
    )


def conv(x: Array, kernel: Array, strides: tuple[int, int] = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve, as `jax.lax.conv_general_dilated` does.

    Args:
      x: [B, H, W, C].
      kernel: [k, k, C, F].
      strides: step along H and W.
      padding: 'SAME', or ((low, high), (low, high)) rows and columns of zeros around x.

    Returns:
      [B, H', W', F] in the type of x.
    """
    size, taps = (x.shape[1], x.shape[2]), (kernel.shape[0], kernel.shape[1])
    pads = _explicit(padding, size, taps, strides)
    if current_form() == "lax":
        return lax.conv_general_dilated(x, kernel, strides, pads, dimension_numbers=_DIMS)
    return _forward(_Geometry(size, taps, tuple(strides), pads), x, kernel)


def conv_transpose(x: Array, kernel: Array, strides: tuple[int, int] = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve the input dilated by `strides`, as `jax.lax.conv_transpose(transpose_kernel=False)` does.

    Args:
      x: [B, H, W, C].
      kernel: [k, k, C, F].
      strides: dilation of x along H and W.
      padding: 'SAME' (output is H s by W s), or ((low, high), (low, high)) zeros around the dilated input; PyTorch's
        `padding=p` is k - 1 - p on all sides.

    Returns:
      [B, H', W', F] in the type of x.
    """
    taps = (kernel.shape[0], kernel.shape[1])
    pads = _explicit_transposed(padding, taps, strides)
    if current_form() == "lax":
        return lax.conv_transpose(x, kernel, strides, pads, dimension_numbers=_DIMS)
    inner = [(n - 1) * s + 1 for n, s in zip(x.shape[1:3], strides)]
    size = tuple(n + sum(p) - k + 1 for n, p, k in zip(inner, pads, taps))
    # The convolution of which this is the transpose: mirrored taps, C and F exchanged, padding k - 1 less ours.
    adjoint = tuple(
        (k - 1 - low, (n - 1) + k - m - (k - 1 - low)) for k, (low, _), n, m in zip(taps, pads, inner, size)
    )
    geo = _Geometry((size[0], size[1]), taps, tuple(strides), (adjoint[0], adjoint[1]))
    return _input_grad(geo, jnp.swapaxes(kernel[::-1, ::-1], 2, 3), x)


def _pair(value: int | Sequence[int]) -> tuple[int, int]:
    """Return a number for each of H and W."""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


class _Layer(nn.Module):
    """Kernel, bias and settings that both layers share."""

    features: int
    kernel_size: int | tuple[int, int]
    strides: int | tuple[int, int] = 1
    padding: str | tuple[tuple[int, int], tuple[int, int]] = "SAME"
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    bias_init: Callable[..., Array] = nn.initializers.zeros

    def _apply(self, function: Callable[..., Array], x: Array) -> Array:
        kernel = self.param("kernel", self.kernel_init, (*_pair(self.kernel_size), x.shape[-1], self.features))
        y = function(x, kernel.astype(x.dtype), _pair(self.strides), self.padding)
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (self.features,))
        return y + bias.astype(y.dtype).reshape(1, 1, 1, -1)


class Conv(_Layer):
    """A convolution with the parameters of `flax.linen.Conv`: kernel [k, k, C, F] and bias [F]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to [B, H', W', F]."""
        return self._apply(conv, x)


class ConvTranspose(_Layer):
    """A transposed convolution with the parameters of `flax.linen.ConvTranspose`: kernel [k, k, C, F], bias [F]."""

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to [B, H', W', F]."""
        return self._apply(conv_transpose, x)
