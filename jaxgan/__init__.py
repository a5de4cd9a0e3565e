"""GANs in JAX and Flax: explicit state, one pure training step, samplers as pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaxgan.gans import build
from jaxgan.images import to_uint8
from jaxgan.sampling import generate, interpolate, latents, sample
from jaxgan.state import Gan, GanState, GeneratorParams, UpdateRule, create_state, generator_params
from jaxgan.step import make_train_step
from jaxgan.train import train

if TYPE_CHECKING:
    from jaxgan.checkpoint import load

__all__ = [
    "Gan",
    "GanState",
    "GeneratorParams",
    "UpdateRule",
    "build",
    "create_state",
    "generate",
    "generator_params",
    "interpolate",
    "latents",
    "load",
    "make_train_step",
    "sample",
    "to_uint8",
    "train",
]


def __getattr__(name: str) -> Any:
    # Orbax takes a second to import, so `load` is looked up when it is asked for.
    if name == "load":
        from jaxgan.checkpoint import load

        return load
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
