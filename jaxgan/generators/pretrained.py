"""Generators that come with the package.

`python -m jaxgan.generators.pretrained RUN FILE.npz` makes such a file of the averaged generator of a run.
"""

from __future__ import annotations

import importlib.resources
import sys
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import store
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config
from jaxgan.generators.arrays import arrays_of, from_arrays
from jaxgan.rundir import layout, saved_config
from jaxgan.sampling.generator import GeneratorParams

_FILES = importlib.resources.files("jaxgan.generators") / "weights"


def names() -> list[str]:
    """Return the names that `jaxgan.load` takes instead of a run's folder."""
    return sorted(file.name.removesuffix(".npz") for file in _FILES.iterdir() if file.name.endswith(".npz"))


def is_pretrained(workdir: str | Path) -> bool:
    """Return whether one of `names()` is given, and no run has that folder."""
    return str(workdir) in names() and not (Path(workdir) / layout.CONFIG_FILE).exists()


def load_pretrained(name: str) -> tuple[GeneratorParams, Config]:
    """Read one of `names()`, and the settings that it was trained with.

    Raises:
      UserError: the file is damaged: its content does not fit its digest.
    """
    arrays, facts = read_weights(name)
    saved = saved_config.parse(facts)
    return from_arrays(saved, arrays, f"{name}.npz"), saved.config


def read_weights(name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays of one of `names()`, float32 again, and what the config.json of its run holds."""
    with importlib.resources.as_file(_FILES / f"{name}.npz") as path:
        arrays, facts = store.load(path)
    return {path: array.astype(np.float32) for path, array in arrays.items()}, facts


def pack(workdir: str | Path, file: str | Path) -> None:
    """Write the averaged generator of a run's newest checkpoint, as float16, and the run's settings, to a .npz file."""
    from jaxgan.generators.load import load  # which reads such files

    settings = saved_config.load_settings(workdir)
    gan = settings["config"]["gan"]
    if saved_config.is_own_file(gan):
        raise UserError(f"{workdir} has a GAN of its own, {gan}; only those of the package can be packed.")
    store.save(file, {path: x.astype(np.float16) for path, x in arrays_of(load(workdir)).items()}, settings)


if __name__ == "__main__":
    pack(*sys.argv[1:])
