"""Make a bundled generator: `python -m jaxgan.generators.pack RUN FILE.npz`."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from jaxgan.base import store
from jaxgan.base.checks import UserError
from jaxgan.generators.arrays import arrays_of
from jaxgan.generators.load import load
from jaxgan.rundir import saved_config


def pack(workdir: str | Path, file: str | Path) -> None:
    """Write the averaged generator of a run's newest checkpoint, as float16, and the run's settings, to a .npz file."""
    settings = saved_config.load_settings(workdir)
    gan = settings["config"]["gan"]
    if saved_config.is_own_file(gan):
        raise UserError(f"{workdir} has a custom GAN, {gan}; only those of the package can be packed.")
    store.save(file, {path: x.astype(np.float16) for path, x in arrays_of(load(workdir)).items()}, settings)


if __name__ == "__main__":
    pack(*sys.argv[1:])
