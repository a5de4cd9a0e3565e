"""The convolution, its input gradient and its kernel gradient in forms that are fast on a CPU.

XLA on a CPU is up to 100 times slower for dilated maps, tiny maps and few channels. Here each of the three takes a form
that suits its sizes. `jaxgan/nets/convolution/trilinear.py` has their derivatives.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.base.types import Array
from jaxgan.nets.convolution import xla
from jaxgan.nets.convolution.cpu import spectral
from jaxgan.nets.convolution.geometry import Geometry, Pair, pair

# Numbers of channels, and of images, up to which they count as few; found by timing.
_NARROW, _FEW = 4, 4
# A kernel gradient is a sum over pieces of at most 32 images, but of at most 8 pieces; found by timing.
_PIECE, _MOST_PIECES = 32, 8


def forward(geo: Geometry, x: Array, w: Array) -> Array:
    """Convolve [B, H, W, C] and [k, k, C, F] to [B, H', W', F]."""
    if _is_tiny(geo):
        y = x.reshape(len(x), -1) @ _matrix(geo, w)
        return y.reshape(len(x), *geo.outputs, w.shape[3])
    if spectral.pays(geo, len(x), w.shape[2:]):
        return spectral.forward(geo, x, w)
    if (w.shape[3] <= _NARROW or len(x) <= _FEW) and geo.strides == (1, 1):
        return input_grad(geo.exchanged(), mirror(w), x)
    return xla.forward(geo, x, w)


def input_grad(geo: Geometry, w: Array, g: Array) -> Array:
    """Return the input gradient of [k, k, C, F] and [B, H', W', F]: [B, H, W, C].

    Along one axis u[i] = sum_t w[t] g[(i + low - t) / s] over the taps t for which s divides i + low - t. So the
    outputs of one residue i mod s are a stride-1 convolution of g with every s-th tap, without any zeros. For few
    channels or images, all taps are one matrix product, whose parts are shifted and added.
    """
    if _is_tiny(geo):
        u = g.reshape(len(g), -1) @ _matrix(geo, w).T
        return u.reshape(len(g), *geo.size, w.shape[2])
    if spectral.pays(geo, len(g), w.shape[2:]):
        return spectral.input_grad(geo, w, g)
    if w.shape[2] <= _NARROW or len(g) <= _FEW:
        phase = functools.partial(_shifted_sum, geo, _products_of_taps(w, g))
    else:
        phase = functools.partial(_phase, geo, w, g)
    rows, cols = geo.strides
    phases = [jnp.stack([phase((i, j)) for j in range(cols)], axis=3) for i in range(rows)]
    b, h, w_, _, c = phases[0].shape
    u = jnp.stack(phases, axis=2).reshape(b, h * rows, w_ * cols, c)[:, : geo.size[0], : geo.size[1]]
    return u.astype(g.dtype)


def kernel_grad(geo: Geometry, x: Array, g: Array) -> Array:
    """Return the kernel gradient of [B, H, W, C] and [B, H', W', F]: [k, k, C, F]."""
    c, f = x.shape[-1], g.shape[-1]
    w = jax.ShapeDtypeStruct((*geo.taps, c, f), x.dtype)
    if _is_tiny(geo):
        matrix = x.reshape(len(x), -1).T @ g.reshape(len(g), -1)
        return jax.linear_transpose(functools.partial(_matrix, geo), w)(matrix)[0]
    if spectral.pays(geo, len(x), (c, f)):
        return spectral.kernel_grad(geo, x, g)
    if geo.strides == (1, 1) and f * math.prod(geo.size) < c * math.prod(geo.outputs):
        return mirror(kernel_grad(geo.exchanged(), g, x))
    if c <= _NARROW:
        return _kernel_grad_by_patches(geo, x, g)
    if geo.taps == geo.strides == (1, 1) and not any(map(any, geo.pads)):
        wide = jnp.promote_types(x.dtype, jnp.float32)
        grad = jnp.matmul(x.reshape(-1, c).T, g.reshape(-1, f), preferred_element_type=wide)
        return grad.reshape(1, 1, c, f).astype(x.dtype)
    num_pieces = min(max(1, -(-len(x) // _PIECE)), _MOST_PIECES)
    pieces = (jnp.array_split(maps, num_pieces) for maps in (x, g))
    grads = [_kernel_grad_along_rows(geo, *piece) for piece in zip(*pieces, strict=True)]
    return functools.reduce(jnp.add, grads).astype(x.dtype)


def _phase(geo: Geometry, w: Array, g: Array, residue: Pair) -> Array:
    """Return the outputs of `input_grad` whose coordinates are `residue` modulo the strides."""
    rows, cols = (_terms(geo, axis, residue[axis]) for axis in (0, 1))
    if not rows or not cols:
        return _nothing(geo, g, w.shape[2])
    kernel = mirror(w[rows[0][0] :: geo.strides[0], cols[0][0] :: geo.strides[1]])
    pads = (rows[-1][1], rows[0][2]), (cols[-1][1], cols[0][2])
    return xla.forward(Geometry(pair(g.shape[1:3]), pair(kernel.shape[:2]), (1, 1), pads), g, kernel)


def _shifted_sum(geo: Geometry, products: Array, residue: Pair) -> Array:
    """Return the result of `_phase`, at least float32, from the products [B, H', W', k, k, C] of g with all taps."""
    rows, cols = (_terms(geo, axis, residue[axis]) for axis in (0, 1))
    zero = jnp.zeros((), products.dtype)
    terms = [
        lax.pad(products[:, :, :, i, j], zero, [(0, 0, 0), (top, bottom, 0), (left, right, 0), (0, 0, 0)])
        for i, top, bottom in rows
        for j, left, right in cols
    ]
    return functools.reduce(jnp.add, terms) if terms else _nothing(geo, products, products.shape[-1])


def _terms(geo: Geometry, axis: int, residue: int) -> list[tuple[int, int, int]]:
    """Return the taps of one phase, each with the zeros before and after g that align its factor.

    Output q of the phase reads g[q + shift - j] for its tap number j.
    """
    n, k, s, (low, _), m = list(zip(*geo, geo.outputs, strict=True))[axis]
    first, outputs, shift = (residue + low) % s, -(-n // s), (residue + low) // s
    return [(tap, j - shift, outputs + shift - j - m) for j, tap in enumerate(range(first, k, s))]


def _nothing(geo: Geometry, like: Array, channels: int) -> Array:
    """Return the zeros of a phase without taps."""
    h, w = (-(-n // s) for n, s in zip(geo.size, geo.strides, strict=True))
    return jnp.zeros((len(like), h, w, channels), like.dtype)


def _products_of_taps(w: Array, g: Array) -> Array:
    """Multiply each pixel of g [B, H', W', F] with all taps: [B, H', W', k, k, C], at least float32."""
    f, wide = g.shape[-1], jnp.promote_types(g.dtype, jnp.float32)
    pixels = g.reshape(-1, f)
    if len(pixels) < f:
        # A product for each tap: the kernel, which is larger than the maps here, need not be transposed.
        taps, kernels = math.prod(w.shape[:2]), jnp.swapaxes(w, 2, 3)
        products = jnp.matmul(
            jnp.broadcast_to(pixels, (taps, *pixels.shape)), kernels.reshape(taps, f, -1), preferred_element_type=wide
        )
        return jnp.moveaxis(products.reshape(*w.shape[:2], *g.shape[:3], -1), (0, 1), (3, 4))
    products = jnp.matmul(pixels, w.reshape(-1, f).T, preferred_element_type=wide)
    return products.reshape(*g.shape[:3], *w.shape[:3])


def _is_tiny(geo: Geometry) -> bool:
    """Return whether the dense matrix of the convolution has at most 4 times the elements of the kernel."""
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
    """Pad maps (H at `axis`) with zeros, or crop them if a number is negative."""
    edges = [(0, 0, 0)] * axis + [(low, high, 0) for low, high in geo.pads]
    return lax.pad(x, jnp.zeros((), x.dtype), edges + [(0, 0, 0)] * (x.ndim - axis - 2))


def _cut(geo: Geometry, x: Array, tap: Sequence[int]) -> Array:
    """Return the part [B, C, H', W'] of padded maps [B, C, H, W] that one tap multiplies."""
    rows, cols = (slice(t, t + s * (m - 1) + 1, s) for t, s, m in zip(tap, geo.strides, geo.outputs, strict=True))
    return x[:, :, rows, cols]


def _kernel_grad_by_patches(geo: Geometry, x: Array, g: Array) -> Array:
    """Return the kernel gradient for few channels: patches [B, k k C, H' W'] times g [B, H' W', F]."""
    (b, *_, c), f, wide = x.shape, g.shape[-1], jnp.promote_types(x.dtype, jnp.float32)
    x = _pad(geo, jnp.moveaxis(x, -1, 1), 2)
    patches = jnp.stack([_cut(geo, x, tap) for tap in np.ndindex(geo.taps)], axis=1)
    patches, g = patches.reshape(b, -1, math.prod(geo.outputs)), g.reshape(b, -1, f)
    grads = jnp.matmul(patches, g, preferred_element_type=wide)
    return grads.sum(0).reshape(*geo.taps, c, f).astype(x.dtype)


def _kernel_grad_along_rows(geo: Geometry, x: Array, g: Array) -> Array:
    """Return the kernel gradient, at least float32, as a convolution of x as [1, H, W C, B] and g as [H', W', B, F].

    The next pixel of a row is C numbers further. XLA's own form puts C first, which needs slow transposes.
    """
    # Pad or crop so that the outputs are the taps.
    axes = zip(*geo, geo.outputs, strict=True)
    rows, cols = ((low, s * (m - 1) + k - n - low) for n, k, s, (low, _), m in axes)
    x = jnp.transpose(_pad(geo._replace(pads=(rows, cols)), x, 1), (1, 2, 3, 0))
    # The barrier keeps XLA from fusing the transposes with the producers of the maps, which is several times slower.
    x, g = lax.optimization_barrier((x, jnp.transpose(g, (1, 2, 0, 3))))
    h, _, c, b = x.shape
    grad = lax.conv_general_dilated(
        x.reshape(1, h, -1, b),
        g,
        (1, 1),
        "VALID",
        rhs_dilation=(geo.strides[0], geo.strides[1] * c),
        dimension_numbers=xla.DIMS,
        preferred_element_type=jnp.promote_types(x.dtype, jnp.float32),
    )
    return grad.reshape(*geo.taps, c, -1)


def mirror(w: Array) -> Array:
    """Reverse the taps and exchange input and output channels."""
    return jnp.swapaxes(w[::-1, ::-1], 2, 3)
