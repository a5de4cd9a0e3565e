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
from jaxgan.base.types import Array
from jaxgan.nets.cpu import trilinear
from jaxgan.nets.cpu.geometry import Geometry, Padding, Pads, Pair, adjoint, pair

# The one place that says which form runs where: our own on CPU, XLA's convolution on accelerators.
_FORM_OF_BACKEND = {"cpu": "phases"}
FORMS = ("auto", "lax", "phases")
_form = contextvars.ContextVar("form", default="auto")


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
    return trilinear.lax_forward(geo, x, kernel) if current_form() == "lax" else trilinear.forward(geo, x, kernel)


def conv_transpose(x: Array, kernel: Array, strides: Pair = (1, 1), padding: Padding = "SAME") -> Array:
    """Convolve the input dilated by `strides`, as `jax.lax.conv_transpose(transpose_kernel=False)` does.

    Shapes as in `conv`. Padding is 'SAME' (H' = H s), or ((low, high), (low, high)) zeros around the dilated
    input: k - 1 - p on every side for PyTorch's `padding=p`.
    """
    if current_form() == "lax":
        pads = padding if isinstance(padding, str) else [pair(p) for p in padding]
        return lax.conv_transpose(x, kernel, strides, pads, dimension_numbers=trilinear.DIMS)
    geo = adjoint(pair(x.shape[1:3]), pair(kernel.shape[:2]), pair(strides), padding)
    return trilinear.input_grad(geo, trilinear.mirror(kernel), x)


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
