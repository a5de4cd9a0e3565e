"""Training: from a configuration and a folder to checkpoints, images and metrics, for one run or many seeds."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable
from pathlib import Path

import optax

from jaxgan import data
from jaxgan.base import machine, processes, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.settings import user_path
from jaxgan.base.types import Config, Source
from jaxgan.config import with_whole_paths
from jaxgan.rundir.metrics_log import Row
from jaxgan.rundir.saved_config import with_known_levels
from jaxgan.runs.batches import batches, make_steps
from jaxgan.runs.clock import Clock
from jaxgan.runs.experiment import Experiment, create_evaluators, features_of
from jaxgan.runs.health.rollback import RolledBack
from jaxgan.runs.resume import Changes, common_steps, open_runs, resume
from jaxgan.runs.run import Run
from jaxgan.runs.setup import Plan, create_plan, identity
from jaxgan.runs.stop_signals import StopRequest, catch_stop
from jaxgan.training import parallel
from jaxgan.training.many_seeds import States, join, stack, take
from jaxgan.training.state import GanState


def train(
    config: Config,
    workdir: str | Path,
    *,
    on_log: Callable[[Row], object] | None = None,
    source: Source | None = None,
    g_optimiser: optax.GradientTransformation | None = None,
    d_optimiser: optax.GradientTransformation | None = None,
) -> GanState:
    """Train a GAN, or many (`config.train.num_replicas`), or continue a run that was stopped.

    Run i of many is the run of configuration i of `sweep.expand`, to rounding. Their folders are `replicas/0`, ... in
    `workdir`, whose own metrics.jsonl has means, standard deviations (`.../std`) and the share that collapsed.

    Freed memory stays with the process from here on (`jaxgan.keep_memory`).

    Args:
      config: complete, as `jaxgan.config.default()` or a file in `configs/` makes it.
      workdir: folder of the run, made if missing; the same folder and configuration resume.
      on_log: called with each logged row, a dict as in metrics.jsonl, for your own loggers; again where scores were
        added to it.
      source: your own images; None opens what config.data names.
      g_optimiser: of the generator, instead of what config.optim.g describes; the same must be given to resume.
      d_optimiser: of the discriminator, likewise.

    Returns:
      The last state; of many, all of them along a first axis.

    Raises:
      UserError, FileNotFoundError: the configuration, the data or the folder do not fit.
      NotFinite: a metric or a parameter became NaN or infinite; good checkpoints stay.
      OSError: the disk refused the last checkpoint.
    """
    if on_log is not None and not callable(on_log):
        raise UserError(f"on_log is {type(on_log).__name__}; expected a function of a logged row, or None.")
    began = time.monotonic()
    own = {net: given for net, given in (("g", g_optimiser), ("d", d_optimiser)) if given is not None}
    workdir, config = user_path(workdir), with_whole_paths(config)  # whatever folder the process goes to
    config = with_known_levels(workdir, config)
    with machine.usual_rules(), processes.together(), contextlib.ExitStack() as opened:
        plan = processes.agree(
            functools.partial(create_plan, config, source, own), lambda plan: identity(plan, workdir)
        )
        clock = Clock(plan.config.train.max_minutes, began)
        open_own = functools.partial(open_runs, plan, workdir, opened)
        runs, changes = processes.agree(lambda: open_own() if processes.leads() else ([], {}), lambda _: "")
        stop = opened.enter_context(catch_stop())
        steps = make_steps(plan, compile_now=max(common_steps(runs), default=0) < plan.shared.schedule.last)
        while True:
            with contextlib.suppress(RolledBack):
                states = _train(plan, workdir, runs, changes, steps, stop, clock, on_log)
                return stack(states) if plan.is_many else states[0]
            changes = {}  # they are reported once


def _train(
    plan: Plan,
    workdir: Path,
    runs: list[Run],
    changes: Changes,
    steps: parallel.CompiledSteps,
    stop: StopRequest,
    clock: Clock,
    on_log: Callable[[Row], object] | None,
) -> list[GanState]:
    """Train from the newest checkpoint to the end, a request to stop, or a rollback; return the states of the runs."""
    resumed = resume(plan, runs, workdir, clock)
    if resumed.has_ended:
        return resumed.states
    create = functools.partial(create_evaluators, plan, steps.metric_names)
    evaluators = processes.agree(create, features_of)
    experiment = Experiment(plan, workdir, runs, evaluators, resumed, clock, on_log)
    with contextlib.ExitStack() as opened:
        experiment.open(resumed, changes, opened)
        states = training_loop(experiment, join(resumed.states), steps, stop)
        states = [take(states, number) for number in range(len(plan.setups))]
        experiment.finish(int(states[0].step), stopped=bool(stop))
    return states


def training_loop(experiment: Experiment, states: States, steps: parallel.CompiledSteps, stop: StopRequest) -> States:
    """Make all calls until the end, a request to stop or a rollback; draw, record, save and score what is due."""
    due, step, end, ready = experiment.schedule, experiment.start, experiment.end, False
    if step < end and not steps.is_compiled():
        terminal.say("compiling the training step, usually 10 to 30 s the first time")
    if step == 0 or due.draws(step) or step == end:
        experiment.draw(step, states)
    experiment.score_missing(step, states)
    setups, devices = experiment.plan.setups, experiment.plan.shared.devices
    everywhere = parallel.replicate(states, devices)
    with data.prefetch(batches(setups, step, end, on_device=steps.dataset is not None)) as stream:
        for (first, num), batch in stream:
            if not ready:
                ready = wait_until_compiled(steps, stop)
                if not ready:
                    experiment.save(step, states)
                    break
                experiment.start_timing()
            everywhere, metrics = steps(everywhere, batch, num)
            states, step = parallel.local(everywhere), first + num
            if due.draws(step):
                experiment.draw(step, states)
            experiment.record(first, num, metrics, at_once=bool(stop) or due.reads(step))
            last = experiment.judge(step, stop)
            if last:
                experiment.draw(step, states)
            if last or due.saves(step):
                experiment.save(step, states)
            # A request to stop does not wait for scores, which a resumed run makes first.
            stops = experiment.scores(step) and stop.anywhere()[0]
            if experiment.scores(step) and not stops:
                experiment.score(step, states)
            if last or stops:
                break
    return states


def wait_until_compiled(steps: parallel.CompiledSteps, stop: StopRequest) -> bool:
    """Return True once all processes have compiled, or False at a request to stop: a compiler cannot be interrupted."""
    while True:
        compiled, asked = processes.gather([steps.is_compiled(), bool(stop)]).T.astype(bool)
        if compiled.all() or asked.any():
            return bool(compiled.all())
        time.sleep(0.02)
