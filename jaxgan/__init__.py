"""GANs in JAX and Flax: explicit state, one pure training step, samplers as pure functions."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING, Any

from jaxgan.base.checks import UserError
from jaxgan.base.machine import compiler_options, keep_memory
from jaxgan.base.pixels import to_uint8
from jaxgan.base.types import DataInfo, Source
from jaxgan.data import open_source
from jaxgan.gans import build
from jaxgan.runs.loop import train
from jaxgan.sampling.generator import GeneratorParams, Latent
from jaxgan.sampling.sampler import generate, latents, sample
from jaxgan.sampling.walks import interpolate
from jaxgan.training.gan import Gan, UpdateRule, generator_params
from jaxgan.training.state import GanState, create_state
from jaxgan.training.step import make_train_step

if TYPE_CHECKING:
    from jaxgan.runs.load import load

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
    "generate",
    "generator_params",
    "interpolate",
    "keep_memory",
    "latents",
    "load",
    "make_train_step",
    "open_source",
    "sample",
    "to_uint8",
    "train",
]


def __getattr__(name: str) -> Any:
    # Orbax takes a second to import, so `load` is looked up when it is asked for.
    if name == "load":
        from jaxgan.runs.load import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
