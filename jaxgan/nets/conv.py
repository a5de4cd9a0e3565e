"""Convolutions that are fast on a CPU too, with the parameters of Flax's own layers."""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator

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
_form = contextvars.ContextVar("form", default="auto")


@contextlib.contextmanager
def forced(form: str) -> Iterator[None]:
    """Choose the form of all convolutions traced inside.

    A compiled function keeps the form it was traced with, and gradients that of their forward pass.

    Args:
      form: 'cpu', our own, which is fast there; 'lax', XLA's convolution; 'auto', the one for JAX's default backend.
    """
    checks.one_of("form", form, FORMS)
    token = _form.set(form)
    try:
        yield
    finally:
        _form.reset(token)


def current_form() -> str:
    """Return the form that a convolution traced now takes: 'lax' or 'cpu'."""
    if _form.get() != "auto":
        return _form.get()
    return "cpu" if jax.default_backend() == "cpu" else "lax"


def conv(x: Array, kernel: Array, strides: Pair = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve x [B, H, W, C] and kernel [k, k, C, F] to [B, H', W', F], as `jax.lax.conv_general_dilated`.

    Padding is 'SAME', 'SAME_LOWER', 'VALID', or ((low, high), (low, high)) zeros around x.
    """
    geo = _geometry(x, kernel, strides, pair(x.shape[1:3]), padding)
    return xla.forward(geo, x, kernel) if _is_plain(x, kernel) else trilinear.forward(geo, x, kernel, current_form())


def conv_transpose(x: Array, kernel: Array, strides: Pair = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve the input dilated by `strides`, as `jax.lax.conv_transpose(transpose_kernel=False)` does.

    Shapes as in `conv`. Padding is 'SAME' (H' = H s), 'VALID' (H' = H s + max(k - s, 0)), or ((low, high), (low, high))
    zeros around the dilated input: k - 1 - p on every side for PyTorch's `padding=p`.
    """
    _check_operands(x, kernel)
    geo = adjoint(pair(x.shape[1:3]), pair(kernel.shape[:2]), pair(strides), padding)
    if _is_plain(x, kernel):
        pads = padding if isinstance(padding, str) else [pair(p) for p in padding]
        return lax.conv_transpose(x, kernel, strides, pads, dimension_numbers=xla.DIMS)
    return trilinear.input_grad(geo, forms.mirror(kernel), x, current_form())


def upsample_conv(x: Array, kernel: Array, factor: int | Pair = 2, padding: Padding = "SAME") -> Array:
    """Enlarge by nearest neighbour, then convolve with stride 1, in one transposed convolution.

    A pixel repeated s times is a dilated input convolved with a box of s ones; the box goes into the kernel.
    For k = 3 and s = 2 that takes 16 products for each 2 x 2 outputs instead of 36. Maps x [B, H, W, C] and a
    kernel [k, k, C, F] to [B, H', W', F], where s is the `factor`; with 'SAME' padding H' = H s. Padding as in `conv`.
    """
    (height, width), (rows, cols) = x.shape[1:3], pair(factor)
    geo, more = _geometry(x, kernel, (1, 1), (height * rows, width * cols), padding), (rows - 1, cols - 1)
    pads = [(low + m, high + m) for (low, high), m in zip(geo.pads, more, strict=True)]
    edges = [((i, more[0] - i), (j, more[1] - j), (0, 0), (0, 0)) for i, j in np.ndindex(rows, cols)]
    kernel = functools.reduce(jnp.add, [jnp.pad(kernel, edge) for edge in edges])
    return conv_transpose(x, kernel, (rows, cols), pads)


def _geometry(x: Array, kernel: Array, strides: Pair, size: Pair, padding: Padding) -> Geometry:
    """Return the geometry of a convolution of maps of that size."""
    _check_operands(x, kernel)
    taps, strides = pair(kernel.shape[:2]), pair(strides)
    if isinstance(padding, str):
        checks.one_of("padding", padding, ("SAME", "SAME_LOWER", "VALID"))
        padding = lax.padtype_to_pads(size, taps, strides, padding)
    return Geometry(size, taps, strides, (pair(padding[0]), pair(padding[1]))).checked()


def _is_plain(x: Array, kernel: Array) -> bool:
    # Programs for elsewhere, where `jax.export` leaves the number of images open, get operations that all know. And
    # where `shard_map` checks which values vary over a mesh, each operation must say so; ours does not.
    types = [jax.typeof(array) for array in (x, kernel)]
    varies = any(getattr(getattr(kind, "manual_axis_type", None), "varying", ()) for kind in types)
    # Where types say how arrays lie on a mesh, XLA's own operations say so of results.
    places = [getattr(kind, "sharding", None) for kind in types]
    shared = any(place is not None and not place.mesh.empty and any(place.spec) for place in places)
    return varies or shared or not isinstance(x.shape[0], int)


def _check_operands(x: Array, kernel: Array) -> None:
    if (x.ndim, kernel.ndim, x.shape[-1:], x.dtype) != (4, 4, kernel.shape[2:3], kernel.dtype):
        raise UserError(
            f"x is {x.dtype}{list(x.shape)} and the kernel {kernel.dtype}{list(kernel.shape)}; "
            "expected [B, H, W, C] and [k, k, C, F] of one type."
        )


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
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
        y = self._convolve(x, kernel.astype(x.dtype), pair(self.strides), self.padding)
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(y.dtype)
        return y + bias.reshape(1, 1, 1, -1)

    @staticmethod
    def _convolve(x: Array, kernel: Array, strides: Pair, padding: Padding) -> Array:
        return conv(x, kernel, strides, padding)


class UpsampleConv(Conv):
    """Enlarge by nearest neighbour, `strides` times, then convolve: the usual pair of layers as one."""

    @staticmethod
    def _convolve(x: Array, kernel: Array, strides: Pair, padding: Padding) -> Array:
        return upsample_conv(x, kernel, strides, padding)


class ConvTranspose(Conv):
    """A transposed convolution that can take the place of `flax.linen.ConvTranspose`, checkpoints too."""

    @staticmethod
    def _convolve(x: Array, kernel: Array, strides: Pair, padding: Padding) -> Array:
        return conv_transpose(x, kernel, strides, padding)
