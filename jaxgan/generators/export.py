"""Trained generators as files that other programs read."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save

from jaxgan.base import checks, files
from jaxgan.base.checks import UserError, needed
from jaxgan.base.types import Array
from jaxgan.generators import demo
from jaxgan.generators.arrays import arrays_of, from_arrays
from jaxgan.generators.onnx_model import Traced, onnx_bytes
from jaxgan.generators.pretrained import FACTS, WEIGHTS_ONLY, settings_of
from jaxgan.nets import conv
from jaxgan.rundir import saved_config
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams

SHOWN_LABELS = 24  # label vectors of the data in a file
PLATFORMS = ("cpu", "cuda", "tpu")
LIFETIME = "releases of the next six months read it. To export it again, keep the run or a .safetensors file."


def export(
    params: GeneratorParams, out: str | Path, *, run: str | Path | None = None, batch: int | None = None
) -> Path:
    """Write a generator to a file whose ending says what reads it.

    .stablehlo: `jax.export.deserialize(bytes).call(z)`, on a CPU, an NVIDIA GPU or a TPU, without jaxgan. JAX reads it
    for six months after its own release; export it anew after that.
    .onnx: ONNX runtimes; opset 17 where that is exact.
    .html: a browser, from a file or a server, without a network: the ONNX model, onnxruntime-web (whose files the
    environment's JAXGAN_ONNXRUNTIME_WEB names), sliders along latent directions, classes, new images, a walk.
    .safetensors: the weights alone, by their paths, for any framework; with `run` also for `jaxgan.load`.

    The first two take latents float32[N, *latent.shape] and, for a conditional GAN, classes int32[N] or label vectors
    float32[N, L], and return images float32[N, H, W, C] in [-1, 1], as `jaxgan.generate`. Labels outside 0..K-1 are
    moved to the nearest class. All files hold, as metadata, the distribution of the latents, the number of classes, the
    names of labels and some label vectors of the data. FILE.json beside a StableHLO file, which has no metadata, holds
    them. Needs `jaxgan[export]`.

    Args:
      params: from `jaxgan.load` or `generator_params`.
      out: file to write.
      run: what `jaxgan.load` read the generator from, whose settings the file is to hold.
      batch: N, and StableHLO for a CPU alone, as compilers such as IREE need it; None for any N above 0.

    Returns:
      The file.

    Raises:
      UserError: another ending, a package that is not installed, weights that are not finite, or networks that ONNX has
        no operations for.
    """
    out = Path(out)
    checks.one_of("The ending of the file to export to", out.suffix, WRITERS)
    if batch is not None:
        checks.in_range("batch", batch, 1)
        checks.one_of("With a batch, the ending of the file", out.suffix, (".stablehlo", ".onnx"))
    arrays = arrays_of(params)
    if broken := [path for path, array in arrays.items() if not np.isfinite(array).all()]:
        raise UserError(f"{broken[0]} of the generator holds numbers that are not finite; export an earlier step.")
    facts: dict[str, Any] = {
        "latent_shape": list(params.latent.shape),
        "latent_law": params.latent.law,
        "num_classes": params.num_classes,
        "image_range": [-1, 1],
    }
    labels = {
        "label_size": params.label_size,
        "label_names": list(params.label_names),
        "label_table": [list(row) for row in params.label_table[:SHOWN_LABELS]],
    }
    facts |= {name: value for name, value in labels.items() if value}
    if run is not None:
        settings = settings_of(run)
        gan = settings["config"]["gan"]
        if saved_config.is_own_file(gan) and out.suffix == WEIGHTS_ONLY:
            raise UserError(f"{run} has a custom GAN, {gan}; export it to .stablehlo or .onnx.")
        if out.suffix == WEIGHTS_ONLY:  # or it could not be read back
            from_arrays(saved_config.parse(copy.deepcopy(settings)), arrays, run)
        facts |= settings
    WRITERS[out.suffix](params, out, facts, batch)
    return out


def as_stablehlo(params: GeneratorParams, out: Path, facts: dict[str, Any], batch: int | None) -> None:
    """Write the compiled form of `traced`: for three platforms and any number of images, or for a CPU and `batch`."""
    needed("flatbuffers", "export")
    function, inputs = traced(params, batch)
    exported = jax.export.export(jax.jit(function), platforms=PLATFORMS if batch is None else PLATFORMS[:1])
    files.write(out, bytes(exported(*inputs.values()).serialize()))
    facts = {**facts, "lifetime": f"JAX {jax.__version__} wrote this file; {LIFETIME}"}
    files.write(out.with_name(f"{out.name}.json"), json.dumps(facts, indent=2) + "\n")


def as_onnx(params: GeneratorParams, out: Path, facts: dict[str, Any], batch: int | None) -> None:
    """Write `traced` as an ONNX model."""
    files.write(out, onnx_bytes(traced(params, batch), out, {FACTS: json.dumps(facts)}))


def as_page(params: GeneratorParams, out: Path, facts: dict[str, Any], batch: int | None) -> None:
    """Write a page with that model, and with what runs it."""
    runtime = demo.read_runtime()  # before the model is made, which takes a while
    model = onnx_bytes(traced(params, batch), out, {FACTS: json.dumps(facts)})
    files.write(out, demo.page(params, model, facts, runtime))


def as_safetensors(params: GeneratorParams, out: Path, facts: dict[str, Any], batch: int | None) -> None:
    """Write the variables by their paths, such as params/Dense_0/kernel."""
    files.write(out, save(arrays_of(params), {FACTS: json.dumps(facts)}))


WRITERS: dict[str, Callable[[GeneratorParams, Path, dict[str, Any], int | None], None]] = {
    ".stablehlo": as_stablehlo,
    ".onnx": as_onnx,
    ".html": as_page,
    WEIGHTS_ONLY: as_safetensors,
}


def traced(params: GeneratorParams, batch: int | None) -> Traced:
    """Return the function that is exported, and by name the shapes that it takes."""
    classes = params.num_classes

    def function(z: Array, labels: Array | None = None) -> Array:
        if labels is not None and classes is not None:  # runtimes disagree about labels that are no classes
            labels = jnp.clip(labels, 0, classes - 1)
        with conv.plain(), jax.disable_jit():  # or programs of other calls would be taken, with other convolutions
            return sampler.generate(params, z, labels)

    num = batch or jax.export.symbolic_shape("num")[0]
    inputs = {"z": jax.ShapeDtypeStruct((num, *params.latent.shape), jnp.float32)}
    if classes is not None:
        inputs["labels"] = jax.ShapeDtypeStruct((num,), jnp.int32)
    if params.label_size:
        inputs["labels"] = jax.ShapeDtypeStruct((num, params.label_size), jnp.float32)
    return function, inputs
