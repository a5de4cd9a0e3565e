"""A function of JAX as an ONNX model that many runtimes read: constants computed, operations of an old opset."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.base.checks import UserError, brief, needed
from jaxgan.base.types import Array

Traced = tuple[Callable[..., Array], dict[str, jax.ShapeDtypeStruct]]  # a function, and the shapes of its arguments
OPSETS = (17, 23)  # the first that is exact is written; fewer runtimes read the second
TOLERANCE = 1e-3  # between images of the function and of the model, in [-1, 1]


def onnx_bytes(traced: Traced, out: Path, metadata: Mapping[str, str]) -> bytes:
    """Return a function as an ONNX model, whose images onnxruntime has compared with those of the function.

    Raises:
      UserError: ONNX or its converter have no such operations, or the images differ.
    """
    with _quiet():
        modules = {name: needed(name, "export") for name in ("jax2onnx", "onnx", "onnxruntime", "onnxslim")}
    for opset in OPSETS:
        try:
            with _quiet():
                model = _convert(traced, opset, modules)
                _compare(traced, model.SerializeToString(), modules["onnxruntime"])
        except Exception as error:  # of many kinds, by what the converter does not know
            if opset == OPSETS[-1]:
                raise UserError(f"{out} cannot be written ({brief(error)}); export to .stablehlo instead.") from error
            continue
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        return model.SerializeToString()
    raise AssertionError("the last opset returns or raises")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what jax2onnx logs and warns of its own plugins and shapes."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _convert(traced: Traced, opset: int, modules: Mapping[str, Any]) -> Any:
    function, inputs = traced
    dilations = list(_dilations(jax.make_jaxpr(function)(*inputs.values()).jaxpr))
    model = modules["jax2onnx"].to_onnx(
        function, [*inputs.values()], model_name="generator", opset=opset, input_names=[*inputs]
    )
    transposed = [node for node in model.graph.node if node.op_type == "ConvTranspose"]
    for node, dilation in zip(transposed, dilations, strict=True):
        for attribute in node.attribute:
            if attribute.name == "strides":  # which jax2onnx 0.13 leaves at 1
                attribute.ints[:] = dilation
    model = modules["onnxslim"].slim(model)  # computes what depends on constants alone
    modules["onnx"].checker.check_model(model, full_check=True)
    return model


def _dilations(jaxpr: Any) -> Iterator[tuple[int, ...]]:
    """Yield the factors by which transposed convolutions spread their inputs, in their order."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated" and max(equation.params["lhs_dilation"] or (1,)) > 1:
            yield tuple(equation.params["lhs_dilation"])
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _dilations(inner)


def _compare(traced: Traced, model: bytes, onnxruntime: Any) -> None:
    """Raise ValueError unless onnxruntime makes the images of the function."""
    function, inputs = traced
    rng = np.random.default_rng(0)
    given = {}
    for name, wanted in inputs.items():
        shape = [size if isinstance(size, int) else 2 for size in wanted.shape]
        given[name] = rng.uniform(-1, 1, shape).astype(wanted.dtype)
    (made,) = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, given)
    difference = float(np.abs(made - np.asarray(jax.jit(function)(**given))).max())
    if not difference <= TOLERANCE:
        raise ValueError(f"its images differ by {difference:.2g} in onnxruntime")
