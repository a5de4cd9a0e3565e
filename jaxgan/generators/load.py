"""A run's generator, of one checkpoint or averaged over many."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import gans
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.base.types import Config, PyTree
from jaxgan.generators import pretrained
from jaxgan.generators.averaged import averaged_generator
from jaxgan.rundir import layout, saved_config
from jaxgan.rundir.digests import Damaged
from jaxgan.rundir.restore import read, read_step
from jaxgan.rundir.steps import find_step, saved_steps
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.training import power_ema
from jaxgan.training.gan import generator_params, generator_shapes

WEIGHTS = ("ema", "raw")
MISFIT = 0.1  # distance of a profile from the wanted one, as a share of it, from which on it is said


@dataclasses.dataclass(frozen=True)
class Which:
    """Which generator of a run: `step`, `weights`, `ema_std` and `trust` of `load`."""

    step: int | str = "latest"
    weights: str = "ema"
    ema_std: float | None = None
    trust: bool = False


def load(
    workdir: str | Path,
    step: int | str = "latest",
    weights: str = "ema",
    *,
    trust: bool = False,
    ema_std: float | None = None,
    replica: int | None = None,
) -> GeneratorParams:
    """Read a run's generator, ready for `jaxgan.sample`.

    Args:
      workdir: the --workdir of a training run; a .safetensors file that `jaxgan.export` wrote of one; or 'faces',
        'mnist' or 'mnist_classes' for generators that come with the package, where there is no run of that name.
      step: 'latest', 'best' (by the run's evaluations) or the number of a saved step.
      weights: 'ema' for the averaged generator, 'raw' for the one that trained last.
      trust: consent to execute the GAN's own .py file, if the run has one.
      ema_std: instead of `weights`, the average over the run up to `step` whose width is this share of its length, made
        of those that a run with `config.train.ema_stds` keeps in its checkpoints.
      replica: which run, of a program of many (`config.train.num_replicas`).

    Returns:
      The generator; equal calls give equal tree structures.

    Raises:
      FileNotFoundError: no run, no checkpoint, or none of that step.
      UserError: other `weights`, a width that the run does not span, a checkpoint that is damaged or does not fit the
        run's config.json, or a GAN of its own without `trust`.
    """
    if replica is not None:
        workdir = layout.folder_of(workdir, replica)
    return load_with_config(workdir, Which(step, weights, ema_std, trust))[0]


def load_with_config(workdir: str | Path, which: Which) -> tuple[GeneratorParams, Config]:
    """Read a generator as `load` does, and the configuration that it was trained with."""
    checks.one_of("weights", which.weights, WEIGHTS)
    if pretrained.is_one_file(workdir):
        if which != Which(trust=which.trust):
            raise UserError(f"{workdir} is no run and has one set of weights; leave step and weights out.")
        return pretrained.load_one_file(workdir)
    if not Path(workdir).exists():
        known = pretrained.names()
        raise FileNotFoundError(
            f"{workdir} is not there; give the folder of a run, or {' or '.join(known)}, which are bundled."
            + checks.suggest(str(workdir), known)
        )
    workdir = layout.folder_of(workdir, None)
    config, data = saved_config.trusted_config(workdir, trust=which.trust)
    gan = gans.build_networks(config, data)
    with gans.explained(config):
        variables = generator_shapes(gan)
    if which.ema_std is not None:
        if which.weights != "ema":
            raise UserError(f"weights is {which.weights!r}, but ema_std asks for an average; leave one of them out.")
        averaged = _average_of_width(workdir, which.step, variables, gan.ema_stds, which.ema_std)
    elif which.weights == "ema":
        averaged = read_step(workdir, which.step, {"ema": variables})[0]["ema"]
    else:
        return generator_params(gan, read_step(workdir, which.step, {"g": variables})[0]["g"]), config
    return averaged_generator(gan, config, averaged), config


def _average_of_width(workdir: Path, step: int | str, like: PyTree, stds: Sequence[float], ema_std: float) -> PyTree:
    """Combine the averages of all checkpoints up to a step into one of another width."""
    if not stds:
        raise UserError(f"ema_std is {ema_std}, but {workdir} keeps one average; train with train.ema_stds=0.05,0.1.")
    last, kept = find_step(workdir, step), {}
    for number in [number for number in saved_steps(workdir) if 0 < number <= last]:
        try:
            like_tracks = {"tracks": (like,) * len(stds)}
            kept[number] = read(layout.step_folder(workdir, number), like_tracks)[0]["tracks"]
        except Damaged as error:
            if number == last and step != "latest":
                raise
            say(f"warning: {error}; it is left out of the average")
    if not kept:
        raise UserError(f"none of the checkpoints in {layout.checkpoints(workdir)} up to step {last} is good.")
    last = max(kept)
    stored = [(number, std) for number in kept for std in stds]
    weights, misfit = power_ema.combination(stored, last, ema_std)
    if misfit > MISFIT:
        say(
            f"warning: the averages in {len(kept)} checkpoints come no closer to ema_std={ema_std} than {misfit:.0%}; "
            f"keep more by config.train.keep_checkpoints, or choose a width near {', '.join(map(str, stds))}."
        )
    of = iter(weights)
    total: Any = jax.tree.map(lambda x: np.zeros(x.shape), like)
    for track in (track for tracks in kept.values() for track in tracks):
        weight = next(of)
        total = jax.tree.map(lambda t, x, w=weight: t + w * np.asarray(x, np.float64), total, track)
    return jax.tree.map(lambda t, x: jnp.asarray(t, x.dtype), total, like)
