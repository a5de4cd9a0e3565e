"""What is due after a call: whether the generator is scored, and saving a state that is sound."""

from __future__ import annotations

import time

import jax

from jaxgan.base import machine
from jaxgan.base.checks import NotFinite
from jaxgan.base.types import Config
from jaxgan.runs.record.journal import Journal, is_due
from jaxgan.runs.signals import StopRequest
from jaxgan.training import parallel
from jaxgan.training.state import GanState


def evaluated(config: Config, step: int) -> bool:
    """Return whether the generator is scored after this step: where that is due, and at the end of the run."""
    return is_due(step, config.eval.every) or (config.eval.every > 0 and step == config.train.num_steps)


def is_saved(config: Config, step: int) -> bool:
    """Return whether the state after this step is saved, wherever the run ends."""
    return is_due(step, config.train.checkpoint_every) or is_due(step, config.eval.every)


def wait_until_compiled(steps: parallel.CompiledSteps, stop: StopRequest) -> bool:
    """Return True once the step is compiled, or False at a request to stop: the compiler cannot be interrupted."""
    while not steps.is_compiled():
        if stop:
            return False
        time.sleep(0.02)
    return True


def save(state: GanState, step: int, journal: Journal, checkpoints) -> None:
    """Save a state that is known to be sound."""
    journal.catch_up()
    check_finite(state, step)
    checkpoints.save(step, state, journal.record())


def check_finite(state: GanState, step: int) -> None:
    """Raise NotFinite unless all that would be saved can be trained on."""
    from jaxgan.rundir.checkpoint import is_finite

    if not jax.jit(is_finite, compiler_options=machine.compiler_options(seldom=True))(state):
        raise NotFinite(
            f"a parameter, a running statistic or an optimiser's moment was no finite number after step {step}; the "
            "last checkpoint is good: lower config.optim.*.learning_rate and run the same command again."
        )
