"""Runs of the tests share what they trace, compile and draw: most take the same steps of the same tiny GAN.

Settings are checked and everything else of a run is made anew each time. Programs are those of an earlier run where all
that they are made from is equal: the GAN, its optimisers, the settings that differ from seed to seed, devices, shapes.
The chart of losses, half of the time of a short run, is that of an earlier run whose rows have the same columns.
Nothing waits for the disk, which is a third of the time of a short run: what tests write need not outlive the power.
"""

import dataclasses
import functools
import os

import jax
import numpy as np

from jaxgan.base import files
from jaxgan.runs import batches, setup
from jaxgan.training import parallel
from jaxgan.views import curves

_MOST = 32  # programs kept
_setups: dict = {}
_makers: dict = {}
_steps: dict = {}
_programs: dict = {}
_charts: dict = {}
_create_setup, _Steps = setup.create_setup, parallel.CompiledSteps
_save_losses = curves.save_losses
_optimiser_maker, _make_step_of_all = batches.optimiser_maker, batches.make_step_of_all


def forget():
    """Let the next runs trace and compile anew."""
    for kept in _setups, _makers, _steps, _programs:
        kept.clear()


def _create_shared_setup(config, source, devices, own=setup.NO_OPTIMISERS):
    new = _create_setup(config, source, devices, own)
    if own:
        return new
    scheduled = any(config.optim[net].schedule != "constant" for net in "gd")
    length = (config.train.num_steps, new.plan.steps_per_epoch) if scheduled else None
    settings = config.optim.to_json(), config.burn_in.to_json(), config.data.batch_size, length
    old = _setups.setdefault((new.gan, settings), new)
    shared = "gan", "learning_rates", "optimiser_parts", "create", "state_shapes"
    return dataclasses.replace(new, **{field: getattr(old, field) for field in shared})


def _shared_maker(config, net, *parts):
    return _makers.setdefault((config.to_json(), net, parts), _optimiser_maker(config, net, *parts))


def _shared_step(gan, make_g, make_d, values):
    own = tuple((path, np.asarray(value, np.float32).tobytes()) for path, value in values.items())
    key = gan, own, own and (make_g, make_d)
    return _steps.setdefault(key, _make_step_of_all(gan, make_g, make_d, values))


class _SharedSteps(_Steps):
    def __init__(self, step, devices, steps_per_call, dataset=None):
        super().__init__(step, devices, steps_per_call, dataset)
        self._made_from = step, tuple(devices), steps_per_call

    def compile(self, state, batch):
        leaves, form = jax.tree.flatten((state, self.dataset, batch))
        told = jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision
        key = self._made_from, told, form, tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        if key in _programs:
            self.metric_names, self._program = _programs[key]
            return self._program
        if len(_programs) == _MOST:
            forget()
        program = super().compile(state, batch)
        _programs[key] = self.metric_names, program
        program.add_done_callback(functools.partial(_keep_what_went_well, key))
        return program


def _keep_what_went_well(key, program):
    if program.exception():
        _programs.pop(key, None)


def _save_shared_losses(path, rows):
    key = frozenset(name for row in rows for name in row), len(rows) > 1
    if key in _charts:
        files.write(path, _charts[key])
    else:
        _save_losses(path, rows)
        _charts[key] = path.read_bytes()


def share():
    """Begin."""
    setup.create_setup = _create_shared_setup
    batches.optimiser_maker, batches.make_step_of_all = _shared_maker, _shared_step
    parallel.CompiledSteps = _SharedSteps
    curves.save_losses = _save_shared_losses
    os.fsync = lambda descriptor: None
