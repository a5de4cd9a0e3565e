"""Training runs: from a configuration and a folder to checkpoints, images and metrics."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

import jax

from jaxgan import config as config_lib
from jaxgan import data
from jaxgan.base import machine
from jaxgan.base.checks import NotFinite, UserError
from jaxgan.base.digests import digest
from jaxgan.base.settings import user_path
from jaxgan.base.terminal import divert, say, write_line
from jaxgan.base.types import Config, Source
from jaxgan.rundir import saved_config, sweep
from jaxgan.rundir.evaluations import keep_evaluations, read_evaluations
from jaxgan.rundir.lock import locked
from jaxgan.rundir.metrics_log import Row
from jaxgan.runs.calls import batches, make_steps
from jaxgan.runs.due import evaluated, is_saved, save, wait_until_compiled
from jaxgan.runs.evaluate import create_evaluator
from jaxgan.runs.health.early_stop import check_metric
from jaxgan.runs.health.rollback import Collapsed, choose_target, restore, roll_back
from jaxgan.runs.health.signs import Finding
from jaxgan.runs.many_seeds import train_replicas
from jaxgan.runs.processes.follower import follow
from jaxgan.runs.processes.team import Team
from jaxgan.runs.record import loggers
from jaxgan.runs.record.journal import Journal, is_due
from jaxgan.runs.record.progress import start_text
from jaxgan.runs.setup import Setup, create_setup
from jaxgan.runs.signals import StopRequest, catch_stop
from jaxgan.training import parallel
from jaxgan.training.state import GanState


def train(
    config: Config,
    workdir: str | Path,
    *,
    on_log: Callable[[Row], object] | None = None,
    source: Source | None = None,
) -> GanState:
    """Train a GAN, or many (`config.train.num_replicas`), or go on with a run that was stopped.

    Freed memory stays with the process from here on (`jaxgan.keep_memory`).

    Args:
      config: complete, as `jaxgan.config.default()` or a file in `configs/` makes it.
      workdir: folder of the run, made if missing; the same folder and configuration resume.
      on_log: called with each logged row, a dict as in metrics.jsonl, for loggers of one's own; again where scores
        were added to it.
      source: images of one's own; None opens what config.data names.

    Returns:
      The last state; of many, all of them along a first axis.

    Raises:
      UserError, FileNotFoundError: the configuration, the data or the folder do not fit.
      NotFinite: a metric or a parameter became NaN or infinite; good checkpoints stay.
      OSError: the disk refused the last checkpoint.
    """
    # Whatever folder the process, or a function of its user, goes to.
    workdir, config = user_path(workdir), config_lib.with_whole_paths(config)
    if on_log is not None and not callable(on_log):
        raise UserError(f"on_log is {type(on_log).__name__}; expected a function of a logged row, or None.")
    if sweep.is_many(config):
        with locked(workdir), catch_stop() as stop:
            return train_replicas(config, workdir, stop, on_log, source)

    def prepare() -> Setup:
        config_lib.validate(config)
        loggers.check(config.train.log_to)
        machine.keep_memory()
        devices = parallel.choose_devices(config.train.num_devices, config.data.batch_size)
        return create_setup(config, source or data.open_source(config.data), devices)

    with Team() as team:
        setup = team.agree(prepare, identity)
        if not team.leads:
            with catch_stop() as stop, divert(lambda line: None):
                return follow(setup, team, stop)
        # Orbax takes a second to import, which `import jaxgan` should not.
        from jaxgan.rundir.checkpoint import Checkpoints

        with locked(workdir), catch_stop() as stop:
            while True:
                with Checkpoints(workdir, keep=config.train.keep_checkpoints) as checkpoints:
                    try:
                        return _train(setup, workdir, checkpoints, stop, on_log, team)
                    except Collapsed as collapsed:
                        roll_back(checkpoints, collapsed)


def identity(setup: Setup) -> str:
    """Return what all processes of a run must have in common, a line of name=value for each."""
    config, info = setup.config, setup.source.info
    own = {"data.path", "data.workers", "gan"}  # they may differ where the images and the code do not
    shapes = [
        (jax.tree_util.keystr(path), x.shape, x.dtype) for path, x in jax.tree.leaves_with_path(setup.state_shapes)
    ]
    facts = {f"config.{name}": value for name, value in config_lib.flatten(config).items() if name not in own} | {
        "images": data.fingerprint(setup.source),
        "data.cache as it turned out": data.resolve_cache(config.data, info),
        "steps a call": setup.steps_per_call,
        "a GAN": digest(Path(config.gan).read_bytes()) if config.gan.endswith(".py") else config.gan,
        "networks": digest(str(shapes)),
        "jax": jax.__version__,
    }
    short = ((name, str(value)) for name, value in facts.items())
    return "\n".join(f"{name}={text if len(text) < 20 else digest(text)[:8]}" for name, text in short)


def _train(
    setup: Setup, workdir: Path, checkpoints, stop: StopRequest, on_log: Callable[[Row], object] | None, team: Team
) -> GanState:
    config, source = setup.config, setup.source
    fingerprint = data.fingerprint(source)
    changes = saved_config.changes(workdir, config, source.info, fingerprint)
    steps = make_steps(setup, checkpoints.latest() or 0)
    restored = restore(checkpoints, setup.state_shapes)
    state, record = restored or (setup.first_state(), {})
    start = int(state.step)
    if restored and start >= setup.num_steps:
        say(f"nothing to do: {workdir} is at step {start} of {setup.num_steps}")
        return state
    evaluator = None
    if config.eval.every:
        evaluator = team.share(create_evaluator(config, source, conditional=setup.gan.num_classes is not None))
    scored = [] if evaluator is None else [f"eval/{name}" for name in evaluator.floor.scores]
    check_metric(config.early_stop, [*steps.metric_names, *scored])
    # Only now is it known that the run can go on as configured.
    saved_config.save_config(workdir, config, source.info, fingerprint)
    write_line(start_text(config, setup.devices, workdir), sys.stderr)
    keep_evaluations(workdir, start)
    checkpoints.note_scores(read_evaluations(workdir))
    with Journal(setup, workdir, start, record, evaluator, on_log) as journal:
        if restored and journal.stalled:
            say(f"nothing to do: {workdir} stopped early at step {start}")
            return state
        if restored and config.watch.action == "stop" and journal.collapsed:
            say(f"nothing to do: {workdir} collapsed by step {start}; --config.watch.action=warn goes on all the same")
            return state
        journal.open(changes)
        team.start(state, evaluator)
        with team.lead():
            if restored and evaluated(config, start):
                journal.take_up_evaluation(start, state)
                checkpoints.note_scores(read_evaluations(workdir))
            state = parallel.replicate(state, setup.devices)
            state = training_loop(setup, state, steps, journal, checkpoints, stop, team)
        checkpoints.wait()
        journal.end(int(state.step), asked=bool(stop))
    return state


def training_loop(
    setup: Setup,
    state: GanState,
    steps: parallel.CompiledSteps,
    journal: Journal,
    checkpoints,
    stop: StopRequest,
    team: Team,
) -> GanState:
    """Make all calls until the end or a request to stop; save where it is due and at the end."""
    everywhere, state = state, parallel.local(state)
    step, last, config = int(state.step), setup.num_steps, setup.config
    journal.picture(step, state)
    with data.prefetch(batches(setup, step, on_device=steps.dataset is not None)) as stream:
        for (first, num), batch in stream:
            if not wait_until_compiled(steps, stop):
                break
            team.go_on(stop)
            everywhere, metrics = steps(everywhere, batch, num)
            state = parallel.local(everywhere)
            step = first + num
            due = stop or step == last or is_saved(config, step)
            # Or a request to stop, which reads all of them, would end a run earlier than it ends by itself.
            may_end = config.early_stop.metric or config.watch.action == "stop"
            now = due or (may_end and is_due(step, config.train.log_every))
            take_metrics(journal, checkpoints, first, num, metrics, all_of_them=bool(now))
            if stop or journal.stalled or (config.watch.action == "stop" and journal.collapsed):
                last = step
            journal.picture(step, state, last=step == last)
            if due or step == last:
                save(state, step, journal, checkpoints)
            # After the state is safe; a request to stop does not wait for scores, which a resumed run makes first.
            if evaluated(config, step) and not stop:
                journal.evaluate(step, state)
                checkpoints.note_scores(read_evaluations(journal.workdir))
            if step == last or (evaluated(config, step) and stop):
                return state
    save(state, step, journal, checkpoints)
    return state


def take_metrics(journal: Journal, checkpoints, first: int, num: int, metrics, *, all_of_them: bool) -> None:
    """Hand a call's metrics to the journal; raise Collapsed where they say that an earlier state is to be gone back to.

    Before a state is saved, all metrics up to it are read, so that none from after a collapse is.
    """
    failure = None
    try:
        journal.add(first, num, metrics)
        if all_of_them:
            journal.catch_up()
        finding = journal.collapsed
    except NotFinite as error:
        failure, finding = error, Finding(first + num, "not_finite", "error", str(error), {})
    watch = journal.setup.config.watch
    if finding and watch.action == "rollback" and len(journal.rollbacks) < watch.max_rollbacks:
        target = choose_target(checkpoints, finding, functools.partial(is_saved, journal.setup.config))
        if target is not None:
            raise Collapsed(first + num, target, finding) from failure
    if failure:
        raise failure
