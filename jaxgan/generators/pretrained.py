"""Generators that are one file: those bundled with the package, and .safetensors that `export` wrote of a run."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import store
from jaxgan.base.checks import UserError, brief
from jaxgan.base.tensor_files import read_safetensors
from jaxgan.base.types import Config
from jaxgan.generators.arrays import from_arrays
from jaxgan.rundir import layout, saved_config
from jaxgan.sampling.generator import GeneratorParams

FACTS = "jaxgan"  # the entry of an exported file's metadata that is ours, as JSON
WEIGHTS_ONLY = ".safetensors"
_FILES = importlib.resources.files("jaxgan.generators") / "weights"


def names() -> list[str]:
    """Return the names of bundled generators, which `jaxgan.load` takes instead of a run's folder."""
    return sorted(file.name.removesuffix(".npz") for file in _FILES.iterdir() if file.name.endswith(".npz"))


def is_one_file(workdir: str | Path) -> bool:
    """Return whether a generator is named that `load_one_file` reads, rather than the folder of a run."""
    return _is_bundled(workdir) or (Path(workdir).suffix == WEIGHTS_ONLY and Path(workdir).is_file())


def _is_bundled(workdir: str | Path) -> bool:
    return str(workdir) in names() and not (Path(workdir) / layout.CONFIG_FILE).exists()


def load_one_file(name: str | Path) -> tuple[GeneratorParams, Config]:
    """Read a generator, and the settings that it was trained with; nothing in the file is executed.

    Raises:
      UserError: the file is damaged, holds arrays of other networks than it names, or names a custom GAN.
    """
    arrays, settings = _read(name)
    saved = saved_config.parse(settings)
    if saved_config.is_own_file(saved.config.gan):
        raise UserError(f"{name} names a custom GAN, {saved.config.gan}; load the run's folder instead.")
    return from_arrays(saved, arrays, name), saved.config


def settings_of(workdir: str | Path) -> dict[str, Any]:
    """Return what config.json holds, of anything that `jaxgan.load` reads."""
    if is_one_file(workdir):
        return {name: value for name, value in _read(workdir)[1].items() if name in ("config", "data")}
    return saved_config.load_settings(workdir)


def _read(name: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return arrays, and what the config.json of their run holds."""
    if _is_bundled(name):
        with importlib.resources.as_file(_FILES / f"{name}.npz") as path:
            arrays, settings = store.load(path)
        return {path: array.astype(np.float32) for path, array in arrays.items()}, settings
    try:
        arrays, metadata = read_safetensors(Path(name))
        settings = json.loads(metadata[FACTS])
        saved_config.parse(json.loads(metadata[FACTS]))
        return arrays, settings
    except (ArithmeticError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{name} is not what jaxgan exports of a run ({brief(error)}); export it again.") from error
