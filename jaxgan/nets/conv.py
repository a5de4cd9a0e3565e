"""Convolutions that are fast on a CPU too, with the parameters of Flax's own layers.

XLA on CPU is slow, by up to a factor of 100, where it dilates a map or meets tiny maps or few channels.
That is avoided by choosing the form of each of the three partial derivatives of one trilinear function,

    T(x, w, g) = <conv(x, w), g>:   _forward = dT/dg,   _input_grad = dT/dx,   _kernel_grad = dT/dw.

The derivatives of each are the other two, so any order of derivative works (in reverse mode). A transposed
convolution is the second of them.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import math
from collections.abc import Callable, Iterator, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan import checks
from jaxgan.nets import spectral
from jaxgan.nets.geometry import Geometry, Pads, Pair, adjoint, pair
from jaxgan.types import Array

Padding = str | Sequence[Sequence[int]]

# The one place that says which form runs where: our own on CPU, XLA's convolution on accelerators.
_FORM_OF_BACKEND = {"cpu": "phases"}
FORMS = ("auto", "lax", "phases")
_form = contextvars.ContextVar("form", default="auto")

_DIMS = ("NHWC", "HWIO", "NHWC")
# Channels that count as few; found by timing.
_NARROW = 4
# Pictures whose kernel gradient is one convolution; found by timing.
_PIECE = 32


@contextlib.contextmanager
def forced(form: str) -> Iterator[None]:
    """Choose the form of all convolutions traced inside: 'auto', 'lax' or 'phases'.

    A compiled function keeps the form it was traced with, and gradients that of their forward pass.
    """
    checks.one_of("form", form, FORMS)
    token = _form.set(form)
    try:
        yield
    finally:
        _form.reset(token)


def current_form() -> str:
    """Return the form that a convolution traced now takes: 'lax' or 'phases'."""
    form = _form.get()
    return form if form != "auto" else _FORM_OF_BACKEND.get(jax.default_backend(), "lax")


def conv(x: Array, kernel: Array, strides: Pair = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve x [B, H, W, C] and kernel [k, k, C, F] to [B, H', W', F], as `jax.lax.conv_general_dilated`.

    Padding is 'SAME', or ((low, high), (low, high)) zeros around x.
    """
    size, taps = pair(x.shape[1:3]), pair(kernel.shape[:2])
    pads = lax.padtype_to_pads(size, taps, strides, padding) if isinstance(padding, str) else padding
    geo = Geometry(size, taps, pair(strides), (pair(pads[0]), pair(pads[1])))
    return _lax_forward(geo, x, kernel) if current_form() == "lax" else _forward(geo, x, kernel)


def conv_transpose(x: Array, kernel: Array, strides: Pair = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve the input dilated by `strides`, as `jax.lax.conv_transpose(transpose_kernel=False)` does.

    Shapes as in `conv`. Padding is 'SAME' (H' = H s), or ((low, high), (low, high)) zeros around the dilated
    input: k - 1 - p on every side for PyTorch's `padding=p`.
    """
    if current_form() == "lax":
        pads = padding if isinstance(padding, str) else [pair(p) for p in padding]
        return lax.conv_transpose(x, kernel, strides, pads, dimension_numbers=_DIMS)
    geo = adjoint(pair(x.shape[1:3]), pair(kernel.shape[:2]), pair(strides), padding)
    return _input_grad(geo, _mirror(kernel), x)


def upsample_conv(x: Array, kernel: Array, factor: int = 2) -> Array:
    """Enlarge by nearest neighbour, then convolve with 'SAME' padding, in one transposed convolution.

    A pixel repeated s times is a dilated input convolved with a box of s ones; the box goes into the kernel.
    For k = 3 and s = 2 that takes 16 products for each 2 x 2 outputs instead of 36. Maps x [B, H, W, C] and a
    kernel [k, k, C, F], k odd, to [B, H s, W s, F], where s is the `factor`.
    """
    more = factor - 1
    pads = [(k // 2 + more, k // 2 + more) for k in kernel.shape[:2]]
    edges = [((i, more - i), (j, more - j), (0, 0), (0, 0)) for i, j in np.ndindex(factor, factor)]
    kernel = functools.reduce(jnp.add, [jnp.pad(kernel, edge) for edge in edges])
    return conv_transpose(x, kernel, (factor, factor), pads)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _forward(geo: Geometry, x: Array, w: Array) -> Array:
    """dT/dg: the convolution, [B, H, W, C] and [k, k, C, F] to [B, H', W', F]."""
    if _is_tiny(geo):
        y = x.reshape(len(x), -1) @ _matrix(geo, w)
        return y.reshape(len(x), *geo.outputs, w.shape[3])
    if spectral.pays(geo, len(x), w.shape[2:]):
        return spectral.forward(geo, x, w)
    return _plain(geo, x, w)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _input_grad(geo: Geometry, w: Array, g: Array) -> Array:
    """dT/dx: the transposed convolution, [k, k, C, F] and [B, H', W', F] to [B, H, W, C].

    Along one axis u[i] = sum_t w[t] g[(i + low - t) / s] over the taps t for which s divides i + low - t. So
    the outputs of one residue i mod s are a stride-1 convolution of g with every s-th tap: no zeros are used.
    """
    if _is_tiny(geo):
        u = g.reshape(len(g), -1) @ _matrix(geo, w).T
        return u.reshape(len(g), *geo.size, w.shape[2])
    if spectral.pays(geo, len(g), w.shape[2:]):
        return spectral.input_grad(geo, w, g)
    rows, cols = geo.strides
    phases = [jnp.stack([_phase(geo, (i, j), w, g) for j in range(cols)], axis=3) for i in range(rows)]
    b, h, w_, _, c = phases[0].shape
    return jnp.stack(phases, axis=2).reshape(b, h * rows, w_ * cols, c)[:, : geo.size[0], : geo.size[1]]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _kernel_grad(geo: Geometry, x: Array, g: Array) -> Array:
    """dT/dw: the kernel gradient, [B, H, W, C] and [B, H', W', F] to [k, k, C, F]."""
    c, f = x.shape[-1], g.shape[-1]
    w = jax.ShapeDtypeStruct((*geo.taps, c, f), x.dtype)
    if _is_tiny(geo):
        matrix = x.reshape(len(x), -1).T @ g.reshape(len(g), -1)
        return jax.linear_transpose(functools.partial(_matrix, geo), w)(matrix)[0]
    if spectral.pays(geo, len(x), (c, f)):
        return spectral.kernel_grad(geo, x, g)
    if f < c and geo.strides == (1, 1):
        return _mirror(_kernel_grad(geo.exchanged(), g, x))
    if c <= _NARROW:
        return _kernel_grad_by_patches(geo, x, g)
    pieces = (jnp.array_split(maps, -(-len(x) // _PIECE)) for maps in (x, g))
    grads = [_kernel_grad_along_rows(geo, *piece) for piece in zip(*pieces, strict=True)]
    return functools.reduce(jnp.add, grads).astype(x.dtype)


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


def _lax_forward(geo: Geometry, x: Array, w: Array) -> Array:
    """The convolution as XLA does it."""
    return lax.conv_general_dilated(x, w, geo.strides, geo.pads, dimension_numbers=_DIMS)


def _phase(geo: Geometry, residue: Pair, w: Array, g: Array) -> Array:
    """Return the outputs of `_input_grad` whose coordinates are `residue` modulo the strides."""
    firsts, counts, pads = [], [], []
    for r, n, k, s, (low, _), m in zip(residue, *geo, geo.outputs, strict=True):
        first, outputs = (r + low) % s, -(-n // s)
        taps, shift = len(range(first, k, s)), (r + low) // s
        firsts.append(slice(first, None, s))
        counts.append(outputs)
        # Output q reads g[q + shift - j] for tap j of this phase.
        pads.append((taps - 1 - shift, outputs + shift - m))
    kernel = _mirror(w[firsts[0], firsts[1]])
    if kernel.size == 0:
        return jnp.zeros((len(g), *counts, w.shape[2]), g.dtype)
    return _plain(Geometry(pair(g.shape[1:3]), pair(kernel.shape[:2]), (1, 1), (pads[0], pads[1])), g, kernel)


def _is_tiny(geo: Geometry) -> bool:
    """Whether one dense matrix from map to map is at most a few times larger than the kernel."""
    return math.prod(geo.size) * math.prod(geo.outputs) <= 4 * math.prod(geo.taps)


def _matrix(geo: Geometry, w: Array) -> Array:
    """Write a kernel [k, k, C, F] as the dense matrix [H W C, H' W' F] of its convolution."""
    axes = []
    for n, k, s, (low, _), m in zip(*geo, geo.outputs, strict=True):
        tap = np.arange(n)[:, None] + low - s * np.arange(m)
        axes.append(tap[..., None] == np.arange(k))
    joins, (c, f) = np.einsum("hpi,wqj->hwpqij", *axes).reshape(-1, math.prod(geo.taps)), w.shape[2:]
    dense = (jnp.asarray(joins, w.dtype) @ w.reshape(-1, c * f)).reshape(math.prod(geo.size), -1, c, f)
    return jnp.swapaxes(dense, 1, 2).reshape(math.prod(geo.size) * c, -1)


def _pad(geo: Geometry, x: Array, axis: int) -> Array:
    """Pad maps (H at `axis`) with zeros, or crop them where a number is negative."""
    edges = [(0, 0, 0)] * axis + [(low, high, 0) for low, high in geo.pads]
    return lax.pad(x, jnp.zeros((), x.dtype), edges + [(0, 0, 0)] * (x.ndim - axis - 2))


def _cut(geo: Geometry, x: Array, axis: int, tap: Sequence[int]) -> Array:
    """Return the part of padded maps (H at `axis`) that one tap multiplies, of size H' W'."""
    spans = [slice(t, t + s * (m - 1) + 1, s) for t, s, m in zip(tap, geo.strides, geo.outputs, strict=True)]
    return x[(slice(None),) * axis + tuple(spans)]


def _kernel_grad_by_patches(geo: Geometry, x: Array, g: Array) -> Array:
    """Kernel gradient where x has few channels: patches [B, k k C, H' W'] times g [B, H' W', F]."""
    b, c, f = len(x), x.shape[-1], g.shape[-1]
    x = _pad(geo, jnp.moveaxis(x, -1, 1), 2)
    patches = jnp.stack([_cut(geo, x, 2, tap) for tap in np.ndindex(geo.taps)], axis=1)
    grads = patches.reshape(b, -1, math.prod(geo.outputs)) @ g.reshape(b, -1, f)
    return grads.sum(0).reshape(*geo.taps, c, f)


def _kernel_grad_along_rows(geo: Geometry, x: Array, g: Array) -> Array:
    """Kernel gradient, at least float32, as a convolution of x as [1, H, W C, B] and g as [H', W', B, F].

    The next pixel of a row is C numbers further. XLA's own form puts C first, which costs it slow transposes.
    """
    # Just so many zeros, or pixels less, that the outputs are the taps.
    axes = zip(*geo, geo.outputs, strict=True)
    rows, cols = ((low, s * (m - 1) + k - n - low) for n, k, s, (low, _), m in axes)
    x = jnp.transpose(_pad(geo._replace(pads=(rows, cols)), x, 1), (1, 2, 3, 0))
    # XLA would fuse the transposes with what computes the maps, and then take several times as long for them.
    x, g = lax.optimization_barrier((x, jnp.transpose(g, (1, 2, 0, 3))))
    h, _, c, b = x.shape
    grad = lax.conv_general_dilated(
        x.reshape(1, h, -1, b),
        g,
        (1, 1),
        "VALID",
        rhs_dilation=(geo.strides[0], geo.strides[1] * c),
        dimension_numbers=_DIMS,
        preferred_element_type=jnp.promote_types(x.dtype, jnp.float32),
    )
    return grad.reshape(*geo.taps, c, -1)


def _plain(geo: Geometry, x: Array, w: Array) -> Array:
    """The convolution as it is; to few channels by one product for all taps, then shift and add."""
    if w.shape[3] > _NARROW or geo.strides != (1, 1):
        return _lax_forward(geo, x, w)
    b, h, width, c = x.shape
    wide = jnp.promote_types(x.dtype, jnp.float32)
    products = jnp.matmul(x.reshape(-1, c), jnp.moveaxis(w, 2, 0).reshape(c, -1), preferred_element_type=wide)
    products = _pad(geo, products.reshape(b, h, width, *geo.taps, -1), 1)
    shifted = [_cut(geo, products[..., i, j, :], 1, (i, j)) for i, j in np.ndindex(geo.taps)]
    return functools.reduce(jnp.add, shifted).astype(x.dtype)


def _mirror(w: Array) -> Array:
    """Reverse the taps and exchange input and output channels."""
    return jnp.swapaxes(w[::-1, ::-1], 2, 3)


class Conv(nn.Module):
    """A convolution that can take the place of `flax.linen.Conv`, checkpoints too."""

    features: int
    kernel_size: int | Pair
    strides: int | Pair = 1
    padding: str | Pads = "SAME"
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    bias_init: Callable[..., Array] = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to [B, H', W', F]."""
        shape = (*pair(self.kernel_size), x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape)
        y = self._convolve(x, kernel.astype(x.dtype), pair(self.strides), self.padding)
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (self.features,)).astype(y.dtype)
        return y + bias.reshape(1, 1, 1, -1)

    @staticmethod
    def _convolve(x: Array, kernel: Array, strides: Pair, padding: Padding) -> Array:
        return conv(x, kernel, strides, padding)


class UpsampleConv(Conv):
    """Enlarge by nearest neighbour, `strides` times, then convolve: the usual pair of layers as one."""

    @staticmethod
    def _convolve(x: Array, kernel: Array, strides: Pair, padding: Padding) -> Array:
        del padding
        return upsample_conv(x, kernel, strides[0])


class ConvTranspose(Conv):
    """A transposed convolution that can take the place of `flax.linen.ConvTranspose`, checkpoints too."""

    @staticmethod
    def _convolve(x: Array, kernel: Array, strides: Pair, padding: Padding) -> Array:
        return conv_transpose(x, kernel, strides, padding)
