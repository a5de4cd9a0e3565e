"""A convolution as a trilinear function, and its partial derivatives as a primitive of JAX.

    T(x, w, g) = <conv(x, w), g>

dT/dg is the convolution, dT/dx its input gradient (a transposed convolution is one of these) and dT/dw its kernel
gradient. Each is linear in either of its two arguments, so its own derivatives are the other two: gradients of any
order, forward or reverse, are made of the same three, each in the form that is fast for its sizes and its platform.
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

# The axes of x [B, H, W, C], w [k, k, C, F] and g [B, H', W', F] that are not positions.
_AXES = {"x": {"B": 0, "C": 3}, "w": {"C": 2, "F": 3}, "g": {"B": 0, "F": 3}}
_FORMS = {
    "cpu": {"g": forms.forward, "x": forms.input_grad, "w": forms.kernel_grad},
    "lax": {"g": xla.forward, "x": xla.input_grad, "w": xla.kernel_grad},
}
# dT / d`by` at the two arguments that are left, in the order x, w, g.
_partial = Primitive("convolution_partial")


def forward(geo: Geometry, x: Array, w: Array, form: str) -> Array:
    """dT/dg: the convolution, [B, H, W, C] and [k, k, C, F] to [B, H', W', F]."""
    return _bind(x, w, by="g", geo=geo, form=form)


def input_grad(geo: Geometry, w: Array, g: Array, form: str) -> Array:
    """dT/dx: the transposed convolution, [k, k, C, F] and [B, H', W', F] to [B, H, W, C]."""
    return _bind(w, g, by="x", geo=geo, form=form)


def kernel_grad(geo: Geometry, x: Array, g: Array, form: str) -> Array:
    """dT/dw: the kernel gradient, [B, H, W, C] and [B, H', W', F] to [k, k, C, F]."""
    return _bind(x, g, by="w", geo=geo, form=form)


def _bind(a: Array, b: Array, *, by: str, geo: Geometry, form: str) -> Array:
    # The products are made later, when the context that says how precisely has been left.
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
    """Return the gradient by the argument of that number: T's partial derivative by it."""
    given = {**dict(zip(_operands(by), (a, b), strict=True)), by: cotangent}
    name = _operands(by)[argument]
    return _partial.bind(*(given[other] for other in _operands(name)), by=name, **params)


def _mapped(operands: Sequence[Array], dims: Sequence[int | None], *, by: str, **params) -> tuple[Array, int]:
    """Map over one operand, or over both together, and return also which axis of the result is the mapped one.

    What is mapped has an axis that the other operand lacks and the result has. The mapped axis becomes a part of it:
    one convolution with more images or channels. Where both are mapped there are so many convolutions, one after the
    other: XLA's way to make them at once is slow on a CPU.
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
    """Make the mapped axis a part of another, whose number is that without the mapped one."""
    x = jnp.moveaxis(x, mapped, axis)
    return x.reshape(*x.shape[:axis], -1, *x.shape[axis + 2 :])


_partial.def_impl(jax.jit(_value, static_argnames=("by", "geo", "form", "matmul")))
_partial.def_abstract_eval(_shape)
mlir.register_lowering(_partial, mlir.lower_fun(_value, multiple_results=False))
ad.defbilinear(_partial, functools.partial(_transposed, 0), functools.partial(_transposed, 1))
batching.primitive_batchers[_partial] = _mapped
