"""A convolution as a trilinear form, whose partial derivatives are one primitive of JAX.

    T(x, w, g) = <conv(x, w), g>

dT/dg is the convolution, dT/dx its input gradient and dT/dw its kernel gradient. A transposed convolution is an input
gradient. Each of the three is linear in both of its arguments, so its derivatives are the other two. Gradients of any
order, forward or reverse, consist of the same three. Each takes the form that is fast for its sizes and its platform.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxgan.base.types import Array
from jaxgan.nets.convolution import xla
from jaxgan.nets.convolution.cpu import forms
from jaxgan.nets.convolution.geometry import Geometry

# The axes of x [B, H, W, C], w [k, k, C, F] and g [B, H', W', F] that are not spatial.
_AXES = {"x": {"B": 0, "C": 3}, "w": {"C": 2, "F": 3}, "g": {"B": 0, "F": 3}}
_FORMS = {
    "cpu": {"g": forms.forward, "x": forms.input_grad, "w": forms.kernel_grad},
    "lax": {"g": xla.forward, "x": xla.input_grad, "w": xla.kernel_grad},
}
# dT / d`by` as a function of the two other arguments, in the order x, w, g.
_partial = Primitive("convolution_partial")


def forward(geo: Geometry, x: Array, w: Array, form: str) -> Array:
    """Return dT/dg, the convolution: [B, H, W, C] and [k, k, C, F] to [B, H', W', F]."""
    return _bind(x, w, by="g", geo=geo, form=form)


def input_grad(geo: Geometry, w: Array, g: Array, form: str) -> Array:
    """Return dT/dx, the input gradient: [k, k, C, F] and [B, H', W', F] to [B, H, W, C]."""
    return _bind(w, g, by="x", geo=geo, form=form)


def kernel_grad(geo: Geometry, x: Array, g: Array, form: str) -> Array:
    """Return dT/dw, the kernel gradient: [B, H, W, C] and [B, H', W', F] to [k, k, C, F]."""
    return _bind(x, g, by="w", geo=geo, form=form)


def _bind(a: Array, b: Array, *, by: str, geo: Geometry, form: str) -> Array:
    # Lowering happens later, outside of the context that sets the precision.
    matmul = jax.config.jax_default_matmul_precision  # pyright: ignore[reportAttributeAccessIssue]
    return _partial.bind(a, b, by=by, geo=geo, form=form, matmul=matmul)


def _operands(by: str) -> tuple[str, str]:
    first, second = (name for name in _AXES if name != by)
    return first, second


def _value(a: Array, b: Array, *, by: str, geo: Geometry, form: str, matmul: str | None) -> Array:
    with jax.default_matmul_precision(matmul):
        return _FORMS[form][by](geo, a, b)


def _shape(a: ShapedArray, b: ShapedArray, *, by: str, geo: Geometry, **params) -> ShapedArray:
    del params
    shape = {"x": [0, *geo.size, 0], "w": [*geo.taps, 0, 0], "g": [0, *geo.outputs, 0]}[by]
    for name, operand in zip(_operands(by), (a, b), strict=True):
        for letter in _AXES[name].keys() & _AXES[by].keys():
            shape[_AXES[by][letter]] = operand.shape[_AXES[name][letter]]
    return ShapedArray(shape, a.dtype)


def _transposed(argument: int, cotangent: Array, a: Array, b: Array, *, by: str, **params) -> Array:
    """Return the gradient by one argument, 0 or 1: the partial derivative of T by it."""
    given = {**dict(zip(_operands(by), (a, b), strict=True)), by: cotangent}
    name = _operands(by)[argument]
    return _partial.bind(*(given[other] for other in _operands(name)), by=name, **params)


def _mapped(operands: Sequence[Array], dims: Sequence[int | None], *, by: str, **params) -> tuple[Array, int]:
    """Map over one operand or over both, and return the result and the number of its mapped axis.

    If one operand is mapped, it has an axis that the result has and the other operand lacks. The mapped axis is merged
    into that axis: one convolution with more images or channels. If both are mapped, one convolution follows another,
    since XLA's batched form is slow on a CPU.
    """
    first, second = dims
    if first is not None and second is not None:
        pairs = zip(jnp.moveaxis(operands[0], first, 0), jnp.moveaxis(operands[1], second, 0), strict=True)
        return jnp.stack([_partial.bind(*pair, by=by, **params) for pair in pairs]), 0
    dim, mapped = (first, 0) if first is not None else (second, 1)
    assert dim is not None
    names, arrays = _operands(by), list(operands)
    (letter,) = _AXES[names[mapped]].keys() - _AXES[names[1 - mapped]].keys()
    size = arrays[mapped].shape[dim]
    arrays[mapped] = _merged(arrays[mapped], dim, _AXES[names[mapped]][letter])
    y, axis = _partial.bind(*arrays, by=by, **params), _AXES[by][letter]
    return y.reshape(*y.shape[:axis], size, -1, *y.shape[axis + 1 :]), axis


def _merged(x: Array, mapped: int, axis: int) -> Array:
    """Merge the mapped axis into another, whose number is counted without the mapped one."""
    x = jnp.moveaxis(x, mapped, axis)
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])


_partial.def_impl(jax.jit(_value, static_argnames=("by", "geo", "form", "matmul")))
_partial.def_abstract_eval(_shape)
mlir.register_lowering(_partial, mlir.lower_fun(_value, multiple_results=False))
ad.defbilinear(_partial, functools.partial(_transposed, 0), functools.partial(_transposed, 1))
batching.primitive_batchers[_partial] = _mapped
