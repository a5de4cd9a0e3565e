"""Trained generators as files that other programs read."""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base import checks, files
from jaxgan.base.checks import UserError, brief, needed
from jaxgan.base.types import Array
from jaxgan.generators import demo
from jaxgan.generators.arrays import arrays_of, from_arrays
from jaxgan.generators.pretrained import FACTS, WEIGHTS_ONLY, settings_of
from jaxgan.rundir import saved_config
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams

PLATFORMS = ("cpu", "cuda", "tpu")


def export(params: GeneratorParams, out: str | Path, *, run: str | Path | None = None) -> Path:
    """Write a generator to a file whose ending says what reads it.

    .stablehlo: `jax.export.deserialize(bytes).call(z)`, on a CPU, an NVIDIA GPU or a TPU, without jaxgan;
    .onnx: ONNX runtimes;
    .html: a browser, from a file or a server, without a network: the ONNX model, onnxruntime-web (whose files the
    environment's JAXGAN_ONNXRUNTIME_WEB names), sliders along latent directions, classes, new images, a walk;
    .safetensors: the weights alone, by their paths, for any framework; with `run` also for `jaxgan.load`.

    The first two take latents float32[N, *latent.shape] and, for a conditional GAN, classes int32[N], for any N above
    0, and return images float32[N, H, W, C] in [-1, 1], as `jaxgan.generate`. All hold, as metadata, the law of the
    latents and the number of classes; StableHLO, which has none, beside it as FILE.json. Needs `jaxgan[export]`.

    Args:
      params: from `jaxgan.load` or `generator_params`.
      out: file to write.
      run: what `jaxgan.load` read the generator from, whose settings the file is to hold.

    Returns:
      The file.

    Raises:
      UserError: another ending, a package that is not installed, or networks that ONNX has no operations for.
    """
    out = Path(out)
    checks.one_of("The ending of the file to export to", out.suffix, WRITERS)
    facts: dict[str, Any] = {
        "latent_shape": list(params.latent.shape),
        "latent_law": params.latent.law,
        "num_classes": params.num_classes,
        "image_range": [-1, 1],
    }
    if run is not None:
        settings = settings_of(run)
        gan = settings["config"]["gan"]
        if saved_config.is_own_file(gan) and out.suffix == WEIGHTS_ONLY:
            raise UserError(f"{run} has a GAN of its own, {gan}; export it to .stablehlo or .onnx.")
        if out.suffix == WEIGHTS_ONLY:  # or it could not be read back
            from_arrays(saved_config.parse(copy.deepcopy(settings)), arrays_of(params), run)
        facts |= settings
    WRITERS[out.suffix](params, out, facts)
    return out


def as_stablehlo(params: GeneratorParams, out: Path, facts: dict[str, Any]) -> None:
    """Write the compiled form of `function_of`, for three platforms and any number of images."""
    needed("flatbuffers", "export")
    function, inputs = function_of(params)
    exported = jax.export.export(jax.jit(function), platforms=PLATFORMS)(*inputs.values())
    files.write(out, bytes(exported.serialize()))
    files.write(out.with_name(f"{out.name}.json"), json.dumps(facts, indent=2) + "\n")


def as_onnx(params: GeneratorParams, out: Path, facts: dict[str, Any]) -> None:
    """Write `function_of` as an ONNX model."""
    files.write(out, onnx_model(params, out, facts))


def as_page(params: GeneratorParams, out: Path, facts: dict[str, Any]) -> None:
    """Write a page with that model, and with what runs it."""
    runtime = demo.read_runtime()  # before the model is made, which takes a while
    files.write(out, demo.page(params, onnx_model(params, out, facts), facts, runtime))


def onnx_model(params: GeneratorParams, out: Path, facts: dict[str, Any]) -> bytes:
    """Return `function_of` as an ONNX model for a file."""
    with quiet():
        jax2onnx, onnx = needed("jax2onnx", "export"), needed("onnx", "export")
    function, inputs = function_of(params)
    dilations = list(_dilations(jax.make_jaxpr(function)(*inputs.values()).jaxpr))
    try:
        with quiet():
            model = jax2onnx.to_onnx(function, [*inputs.values()], model_name="generator", input_names=[*inputs])
    except Exception as error:  # of many kinds, by what it does not know
        raise UserError(f"{out} cannot be written ({brief(error)}); export to .stablehlo instead.") from error
    _mend_strides(model, dilations)
    model.metadata_props.add(key=FACTS, value=json.dumps(facts))
    onnx.checker.check_model(model)
    return model.SerializeToString()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Silence what jax2onnx logs and warns of its own plugins and shapes."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def as_safetensors(params: GeneratorParams, out: Path, facts: dict[str, Any]) -> None:
    """Write the variables by their paths, such as params/Dense_0/kernel."""
    writer = needed("safetensors.numpy", "export")
    files.write(out, writer.save(arrays_of(params), {FACTS: json.dumps(facts)}))


WRITERS: dict[str, Callable[[GeneratorParams, Path, dict[str, Any]], None]] = {
    ".stablehlo": as_stablehlo,
    ".onnx": as_onnx,
    ".html": as_page,
    WEIGHTS_ONLY: as_safetensors,
}


def function_of(params: GeneratorParams) -> tuple[Callable[..., Array], dict[str, jax.ShapeDtypeStruct]]:
    """Return the function that is exported, and by name the shapes that it takes, for any number of images."""

    def function(z: Array, labels: Array | None = None) -> Array:
        return sampler.generate(params, z, labels)

    (num,) = jax.export.symbolic_shape("num")
    inputs = {"z": jax.ShapeDtypeStruct((num, *params.latent.shape), jnp.float32)}
    if params.num_classes is not None:
        inputs["labels"] = jax.ShapeDtypeStruct((num,), jnp.int32)
    return function, inputs


def _dilations(jaxpr: Any) -> Iterator[tuple[int, ...]]:
    """Yield the factors by which transposed convolutions spread their inputs, in their order."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated" and max(equation.params["lhs_dilation"] or (1,)) > 1:
            yield tuple(equation.params["lhs_dilation"])
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            if hasattr(inner, "eqns"):
                yield from _dilations(inner)


def _mend_strides(model: Any, dilations: list[tuple[int, ...]]) -> None:
    """Write the strides of transposed convolutions, which jax2onnx 0.13 leaves at 1."""
    nodes = [node for node in model.graph.node if node.op_type == "ConvTranspose"]
    for node, dilation in zip(nodes, dilations, strict=True):
        for attribute in node.attribute:
            if attribute.name == "strides":
                attribute.ints[:] = dilation
