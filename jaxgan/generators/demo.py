"""A page with a generator in it, for a browser that is not asked to fetch anything."""

from __future__ import annotations

import base64
import gzip
import importlib.resources
import json
import math
import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.gans import compact
from jaxgan.generators.directions import directions
from jaxgan.sampling.generator import GeneratorParams

# Where the files of onnxruntime-web's package are looked for, and which of them the page holds.
RUNTIME_AT = "JAXGAN_ONNXRUNTIME_WEB"
RUNTIME, GLUE, WASM = "ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"
NUM = 24  # images at once
SLIDERS = 8


def page(params: GeneratorParams, model: bytes, facts: dict[str, Any], runtime: dict[str, bytes]) -> str:
    """Return the page as HTML.

    Args:
      params: the generator.
      model: the same as ONNX.
      facts: what the file says of it.
      runtime: what runs it, from `read_runtime`.
    """
    shown = {name: facts[name] for name in ("latent_shape", "latent_law", "num_classes")}
    shown |= {
        "label_size": params.label_size,
        "label_names": params.label_names,
        "label_table": params.label_table[:NUM],
        "kind_bits": compact.num_bits(compact.kinds_of(params.module)),
    }
    parts = {
        "FACTS": json.dumps({**shown, "directions": _sliders(params)}).replace("<", "\\u003c"),
        "MODEL": _packed(model),
        "WASM": _packed(runtime[WASM]),
        "GLUE": _packed(runtime[GLUE]),
        "RUNTIME": runtime[RUNTIME].decode().replace("</script", "<\\/script"),
    }
    text = (importlib.resources.files("jaxgan.views") / "demo.html").read_text("utf-8")
    for name, content in parts.items():
        text = text.replace(f"@{name}@", content, 1)
    return text


def _sliders(params: GeneratorParams) -> list[list[float]]:
    """Return a direction of z for each slider."""
    found = directions(params, jax.random.key(0), min(SLIDERS, math.prod(params.latent.shape)))
    return np.asarray(found, float).reshape(len(found), -1).round(4).tolist()


def _packed(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def read_runtime() -> dict[str, bytes]:
    """Return the files of onnxruntime-web that a page holds, by their names.

    Raises:
      UserError: they are not where `RUNTIME_AT` says.
    """
    folder, found = os.environ.get(RUNTIME_AT, ""), {}
    for name in RUNTIME, GLUE, WASM:
        path = Path(folder) / name
        if not folder or not path.is_file():
            where = f"{RUNTIME_AT} is {folder!r}, where there is no {name}" if folder else f"{RUNTIME_AT} is not set"
            raise UserError(
                f"a page needs the files of onnxruntime-web, but in the environment {where}; get them by `npm pack "
                "onnxruntime-web@1.30.0`, unpack the file, and set it to the folder package/dist."
            )
        found[name] = path.read_bytes()
    return found
