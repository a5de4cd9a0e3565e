"""GANs in JAX and Flax: explicit state, one pure training step, samplers as pure functions."""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxgan.base.checks import UserError
    from jaxgan.base.config_files import get_config
    from jaxgan.base.machine import compiler_options, keep_memory
    from jaxgan.base.pixels import to_uint8
    from jaxgan.base.types import DataInfo, Source
    from jaxgan.data import open_source
    from jaxgan.gans import build
    from jaxgan.generators.export import export
    from jaxgan.generators.import_weights import import_weights
    from jaxgan.generators.load import load
    from jaxgan.runs.train import train
    from jaxgan.sampling.generator import GeneratorParams, Latent
    from jaxgan.sampling.recalibration import standing_statistics
    from jaxgan.sampling.sampler import generate, latents, sample
    from jaxgan.sampling.walks import interpolate
    from jaxgan.training.gan import Gan, UpdateRule, generator_params
    from jaxgan.training.state import GanState, create_state
    from jaxgan.training.step import make_train_step
    from jaxgan.views.sheets import show

__version__ = importlib.metadata.version("jaxgan")

__all__ = [
    "DataInfo",
    "Gan",
    "GanState",
    "GeneratorParams",
    "Latent",
    "Source",
    "UpdateRule",
    "UserError",
    "build",
    "compiler_options",
    "create_state",
    "export",
    "generate",
    "generator_params",
    "get_config",
    "import_weights",
    "interpolate",
    "keep_memory",
    "latents",
    "load",
    "make_train_step",
    "open_source",
    "sample",
    "show",
    "standing_statistics",
    "to_uint8",
    "train",
]


# Where the names are. They are looked up when they are asked for: JAX and Orbax take seconds to import.
_HOMES = {
    "UserError": "jaxgan.base.checks",
    "get_config": "jaxgan.base.config_files",
    "compiler_options": "jaxgan.base.machine",
    "keep_memory": "jaxgan.base.machine",
    "to_uint8": "jaxgan.base.pixels",
    "DataInfo": "jaxgan.base.types",
    "Source": "jaxgan.base.types",
    "open_source": "jaxgan.data",
    "build": "jaxgan.gans",
    "export": "jaxgan.generators.export",
    "import_weights": "jaxgan.generators.import_weights",
    "load": "jaxgan.generators.load",
    "train": "jaxgan.runs.train",
    "GeneratorParams": "jaxgan.sampling.generator",
    "Latent": "jaxgan.sampling.generator",
    "generate": "jaxgan.sampling.sampler",
    "latents": "jaxgan.sampling.sampler",
    "sample": "jaxgan.sampling.sampler",
    "standing_statistics": "jaxgan.sampling.recalibration",
    "interpolate": "jaxgan.sampling.walks",
    "Gan": "jaxgan.training.gan",
    "UpdateRule": "jaxgan.training.gan",
    "generator_params": "jaxgan.training.gan",
    "GanState": "jaxgan.training.state",
    "create_state": "jaxgan.training.state",
    "make_train_step": "jaxgan.training.step",
    "show": "jaxgan.views.sheets",
}
_ROOMS = (
    "base",
    "config",
    "data",
    "gans",
    "generators",
    "metrics",
    "nets",
    "objectives",
    "rundir",
    "runs",
    "sampling",
    "training",
    "views",
)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    if name in _ROOMS:
        return importlib.import_module(f"jaxgan.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_ROOMS})
