"""The averaged generator of a run, as its images are drawn."""

from __future__ import annotations

import jax

from jaxgan.base import keys
from jaxgan.base.types import Config, PyTree
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.recalibration import standing_statistics
from jaxgan.training.gan import Gan, generator_params


def averaged_generator(gan: Gan, config: Config, variables: dict[str, PyTree]) -> GeneratorParams:
    """Join averaged variables, such as `state.ema`, with their description and the statistics that the run asks for."""
    params = generator_params(gan, variables)
    if config.train.ema_stats == "average":
        return params
    # Grids have arrays on all devices, evaluations NumPy's: one program serves both.
    params = jax.device_put(params, jax.local_devices()[0])
    return standing_statistics(params, keys.stream(config.seed, keys.Stream.STATISTICS))
