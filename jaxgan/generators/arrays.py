"""A generator's variables as arrays by their paths, such as params/Dense_0/kernel, and back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from jaxgan import gans
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config
from jaxgan.rundir.saved_config import Saved
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.training.gan import Gan, generator_params, generator_shapes


def arrays_of(params: GeneratorParams) -> dict[str, np.ndarray]:
    """Return the variables of a generator by their paths."""
    flat = traverse_util.flatten_dict(params.variables, sep="/")
    return {path: np.asarray(leaf, order="C") for path, leaf in flat.items()}


def from_arrays(saved: Saved, arrays: Mapping[str, np.ndarray], path: str | Path) -> GeneratorParams:
    """Return a generator whose variables were read by their paths, such as params/Dense_0/kernel.

    Raises:
      UserError: `path` holds other arrays than the networks have that its settings name.
    """
    return of_gan(gans.build_networks(saved.config, saved.data), saved.config, arrays, path)


def of_gan(gan: Gan, config: Config, arrays: Mapping[str, np.ndarray], path: str | Path) -> GeneratorParams:
    """Return what `from_arrays` does, of the GAN that a configuration names."""
    with gans.explained(config):
        expected: dict[Any, Any] = traverse_util.flatten_dict(generator_shapes(gan), sep="/")
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if found != {name: (leaf.shape, leaf.dtype) for name, leaf in expected.items()}:
        raise UserError(f"{path} does not hold the arrays of the generator of {config.gan!r}; make it anew.")
    flat = {name: jnp.asarray(array) for name, array in arrays.items()}
    variables = {"params": {}, "batch_stats": {}} | traverse_util.unflatten_dict(flat, sep="/")
    return generator_params(gan, variables)
