"""Convolutions and their layers, fast on a CPU too. Parameters have the names and shapes of Flax's layers."""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.nets.convolution import trilinear, xla
from jaxgan.nets.convolution.cpu import forms
from jaxgan.nets.convolution.geometry import Geometry, Padding, Pads, Pair, adjoint, pair

FORMS = ("auto", "lax", "cpu")
PADDINGS = ("SAME", "TORCH")  # of transposed convolutions that enlarge maps by their strides
_form = contextvars.ContextVar("form", default="auto")


@contextlib.contextmanager
def forced(form: str) -> Iterator[None]:
    """Choose the form of all convolutions traced inside this block.

    A compiled function keeps the form it was traced with. A gradient keeps the form of its forward pass.

    Args:
      form: 'cpu' for the forms of `jaxgan.nets.convolution.cpu`, 'lax' for XLA's convolution, 'auto' for the one that
        suits JAX's default backend.

    Raises:
      UserError: another form.
    """
    checks.one_of("form", form, FORMS)
    with _set(form):
        yield


@contextlib.contextmanager
def plain() -> Iterator[None]:
    """Trace convolutions inside as operations of XLA without rules of ours, for programs that other tools read."""
    with _set("plain"):
        yield


@contextlib.contextmanager
def _set(form: str) -> Iterator[None]:
    token = _form.set(form)
    try:
        yield
    finally:
        _form.reset(token)


def current_form() -> str:
    """Return the form of a convolution traced now: 'lax' or 'cpu'."""
    if _form.get() == "auto":
        return "cpu" if jax.default_backend() == "cpu" else "lax"
    return "lax" if _form.get() == "plain" else _form.get()


def conv(x: Array, kernel: Array, strides: Pair = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve as `jax.lax.conv_general_dilated` does.

    Args:
      x: float[B, H, W, C].
      kernel: float[k, k, C, F] of the same type.
      strides: for H and W.
      padding: 'SAME', 'SAME_LOWER', 'VALID', or the zeros around x, ((low, high), (low, high)).

    Returns:
      float[B, H', W', F].

    Raises:
      UserError: shapes, types or padding that do not fit, or a result without pixels.
    """
    geo = _geometry(x, kernel, strides, pair(x.shape[1:3]), padding)
    return xla.forward(geo, x, kernel) if _is_plain(x, kernel) else trilinear.forward(geo, x, kernel, current_form())


def conv_transpose(x: Array, kernel: Array, strides: Pair = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve the input dilated by `strides`, as `jax.lax.conv_transpose(transpose_kernel=False)` does.

    Args:
      x: float[B, H, W, C].
      kernel: float[k, k, C, F] of the same type.
      strides: s, for H and W.
      padding: 'SAME' (H' = H s), 'VALID' (H' = H s + max(k - s, 0)), or the zeros around the dilated input,
        ((low, high), (low, high)). PyTorch's `padding=p` is k - 1 - p of them on each side.

    Returns:
      float[B, H', W', F].

    Raises:
      UserError: as `conv`.
    """
    _check_operands(x, kernel)
    geo = adjoint(pair(x.shape[1:3]), pair(kernel.shape[:2]), pair(strides), padding)
    if _is_plain(x, kernel):
        pads = padding if isinstance(padding, str) else [pair(p) for p in padding]
        return lax.conv_transpose(x, kernel, strides, pads, dimension_numbers=xla.DIMS)
    return trilinear.input_grad(geo, forms.mirror(kernel), x, current_form())


def upsample_conv(x: Array, kernel: Array, factor: int | Pair = 2, padding: Padding = "SAME") -> Array:
    """Upsample by nearest neighbour, then convolve with stride 1, as one transposed convolution.

    A pixel repeated s times is a dilated input convolved with a box of s ones. The box is folded into the kernel.
    For k = 3 and s = 2 this takes 16 products for each 2 x 2 outputs instead of 36.

    Args:
      x: float[B, H, W, C].
      kernel: float[k, k, C, F] of the same type.
      factor: s, for H and W.
      padding: as in `conv`; with 'SAME', H' = H s.

    Returns:
      float[B, H', W', F].

    Raises:
      UserError: as `conv`.
    """
    (height, width), (rows, cols) = x.shape[1:3], pair(factor)
    geo, more = _geometry(x, kernel, (1, 1), (height * rows, width * cols), padding), (rows - 1, cols - 1)
    pads = [(low + m, high + m) for (low, high), m in zip(geo.pads, more, strict=True)]
    edges = [((i, more[0] - i), (j, more[1] - j), (0, 0), (0, 0)) for i, j in np.ndindex(rows, cols)]
    kernel = functools.reduce(jnp.add, [jnp.pad(kernel, edge) for edge in edges])
    return conv_transpose(x, kernel, (rows, cols), pads)


def _geometry(x: Array, kernel: Array, strides: Pair, size: Pair, padding: Padding) -> Geometry:
    """Return the geometry of a convolution of feature maps of this size (H, W)."""
    _check_operands(x, kernel)
    taps, strides = pair(kernel.shape[:2]), pair(strides)
    if isinstance(padding, str):
        checks.one_of("padding", padding, ("SAME", "SAME_LOWER", "VALID"))
        padding = lax.padtype_to_pads(size, taps, strides, padding)
    return Geometry(size, taps, strides, (pair(padding[0]), pair(padding[1]))).checked()


def _is_plain(x: Array, kernel: Array) -> bool:
    """Whether XLA's own operations must be used in place of the primitive."""
    # `shard_map` checks which values vary over a mesh. The primitive has no rule for that.
    types = [jax.typeof(array) for array in (x, kernel)]
    varies = any(getattr(getattr(kind, "manual_axis_type", None), "varying", ()) for kind in types)
    # Explicit sharding is part of the types. XLA's own operations propagate it.
    places = [getattr(kind, "sharding", None) for kind in types]
    shared = any(place is not None and not place.mesh.empty and any(place.spec) for place in places)
    # `jax.export` leaves the batch size symbolic. Exported programs must hold operations that all platforms know.
    return varies or shared or _form.get() == "plain" or not isinstance(x.shape[0], int)


def _check_operands(x: Array, kernel: Array) -> None:
    if (x.ndim, kernel.ndim, x.shape[-1:], x.dtype) != (4, 4, kernel.shape[2:3], kernel.dtype):
        raise UserError(
            f"x is {x.dtype}{list(x.shape)} and the kernel {kernel.dtype}{list(kernel.shape)}; "
            "expected [B, H, W, C] and [k, k, C, F] of one type; cast or reshape one of them."
        )
    checks.floats("x", x)


class Conv(nn.Module):
    """Convolution layer, a replacement for `flax.linen.Conv` that reads its checkpoints.

    Attributes:
      features: F.
      kernel_size: k, for H and W.
      strides: for H and W.
      padding: as in `conv`.
      use_bias: whether to add a bias [F].
      kernel_init: initialiser of the kernel [k, k, C, F].
      bias_init: initialiser of the bias.
    """

    features: int
    kernel_size: int | Pair
    strides: int | Pair = 1
    padding: str | Pads = "SAME"
    use_bias: bool = True
    kernel_init: Callable[..., Array] = nn.initializers.lecun_normal()
    bias_init: Callable[..., Array] = nn.initializers.zeros
    _convolve: ClassVar[Callable[..., Array]] = staticmethod(conv)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map float[B, H, W, C] to float[B, H', W', F] of the same type."""
        shape = (*pair(self.kernel_size), x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        y = self._convolve(x, kernel.astype(x.dtype), pair(self.strides), self.padding)
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(y.dtype)
        return y + bias.reshape(1, 1, 1, -1)


class UpsampleConv(Conv):
    """Nearest-neighbour upsampling by the factor `strides`, then a convolution of stride 1, as one layer."""

    _convolve = staticmethod(upsample_conv)


class ConvTranspose(Conv):
    """Transposed convolution layer, a replacement for `flax.linen.ConvTranspose` that reads its checkpoints.

    Padding is also 'TORCH': as large as 'SAME', with the borders of PyTorch's `ConvTranspose2d(k, s, padding=p,
    output_padding=2 p - k + s)`, where p = ceil((k - s) / 2). They differ where k - s is odd.
    """

    @staticmethod
    def _convolve(x: Array, kernel: Array, strides: Pair, padding: Padding) -> Array:
        if padding == "TORCH":
            padding = [_as_torch(k, s) for k, s in zip(kernel.shape[:2], strides, strict=True)]
        return conv_transpose(x, kernel, strides, padding)


def _as_torch(size: int, stride: int) -> Pair:
    """Return the zeros before and after the dilated input that PyTorch's padding stands for."""
    before = size - 1 - (max(size - stride, 0) + 1) // 2
    return before, size + stride - 2 - before
