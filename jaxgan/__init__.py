"""GANs in JAX and Flax: explicit state, one pure training step, samplers as pure functions."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import pkgutil
from typing import TYPE_CHECKING, Any

from jaxgan import moved

if TYPE_CHECKING:
    from jaxgan.base.checks import UserError as UserError
    from jaxgan.base.machine import compiler_options as compiler_options, keep_memory as keep_memory
    from jaxgan.base.pixels import to_uint8 as to_uint8
    from jaxgan.base.types import DataInfo as DataInfo, Source as Source
    from jaxgan.config_files import get_config as get_config
    from jaxgan.data import (
        IndexPlan as IndexPlan,
        InMemory as InMemory,
        open_source as open_source,
        register_source as register_source,
    )
    from jaxgan.gans import build as build
    from jaxgan.generators.directions import attribute_directions as attribute_directions, directions as directions
    from jaxgan.generators.export import export as export
    from jaxgan.generators.import_weights import import_weights as import_weights
    from jaxgan.generators.invert import Inversion as Inversion, invert as invert
    from jaxgan.generators.load import load as load
    from jaxgan.objectives.losses import AdversarialLoss as AdversarialLoss, register_loss as register_loss
    from jaxgan.objectives.penalties import Penalty as Penalty, register_penalty as register_penalty
    from jaxgan.rundir.own_state import load_state as load_state, save_state as save_state
    from jaxgan.runs.evaluate import evaluate_run as evaluate_run
    from jaxgan.runs.train import train as train
    from jaxgan.sampling.generator import GeneratorParams as GeneratorParams, Latent as Latent
    from jaxgan.sampling.recalibration import standing_statistics as standing_statistics
    from jaxgan.sampling.sampler import generate as generate, latents as latents, sample as sample
    from jaxgan.sampling.walks import interpolate as interpolate
    from jaxgan.training.gan import Gan as Gan, UpdateRule as UpdateRule, generator_params as generator_params
    from jaxgan.training.state import GanState as GanState, create_state as create_state
    from jaxgan.training.step import make_train_step as make_train_step
    from jaxgan.views.sheets import show as show

__version__ = importlib.metadata.version("jaxgan")

# The public names by module. They are looked up at first use, since JAX and Orbax take seconds to import.
_PUBLIC = {
    "base.checks": ["UserError"],
    "config_files": ["get_config"],
    "base.machine": ["compiler_options", "keep_memory"],
    "base.pixels": ["to_uint8"],
    "base.types": ["DataInfo", "Source"],
    "data": ["InMemory", "IndexPlan", "open_source", "register_source"],
    "gans": ["build"],
    "generators.directions": ["attribute_directions", "directions"],
    "generators.export": ["export"],
    "generators.import_weights": ["import_weights"],
    "generators.invert": ["Inversion", "invert"],
    "generators.load": ["load"],
    "objectives.losses": ["AdversarialLoss", "register_loss"],
    "objectives.penalties": ["Penalty", "register_penalty"],
    "runs.evaluate": ["evaluate_run"],
    "rundir.own_state": ["load_state", "save_state"],
    "runs.train": ["train"],
    "sampling.generator": ["GeneratorParams", "Latent"],
    "sampling.recalibration": ["standing_statistics"],
    "sampling.sampler": ["generate", "latents", "sample"],
    "sampling.walks": ["interpolate"],
    "training.gan": ["Gan", "UpdateRule", "generator_params"],
    "training.state": ["GanState", "create_state"],
    "training.step": ["make_train_step"],
    "views.sheets": ["show"],
}
_HOMES = {name: f"jaxgan.{module}" for module, names in _PUBLIC.items() for name in names}
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]

moved.install()


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        found = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = found
        return found
    if not name.startswith("_") and importlib.util.find_spec(f"jaxgan.{name}"):
        return importlib.import_module(f"jaxgan.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    modules = (module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    return sorted({*globals(), *_HOMES, *modules})
