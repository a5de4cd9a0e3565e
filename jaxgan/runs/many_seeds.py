"""Training many GANs in one program. Each replica has the folder of a run of its own, which all modes read."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import data
from jaxgan.base import files, machine
from jaxgan.base.checks import NotFinite, UserError
from jaxgan.base.settings import get
from jaxgan.base.terminal import divert, say, write_line
from jaxgan.base.types import Config, Source
from jaxgan.rundir import layout, saved_config, sweep
from jaxgan.rundir.digests import Damaged
from jaxgan.rundir.evaluations import keep_evaluations, read_evaluations
from jaxgan.rundir.lock import locked
from jaxgan.rundir.metrics_log import MetricsLog, Row
from jaxgan.runs.calls import batch_shapes, calls, indices_of, put, resident_dataset
from jaxgan.runs.due import evaluated, is_saved, save, wait_until_compiled
from jaxgan.runs.evaluate import create_evaluator
from jaxgan.runs.record import loggers
from jaxgan.runs.record.journal import Journal, is_due
from jaxgan.runs.record.progress import Muted, Progress, start_text
from jaxgan.runs.setup import Setup, create_setup
from jaxgan.runs.signals import StopRequest
from jaxgan.training import parallel
from jaxgan.training.many_seeds import States, join, make_replicas_step, optimiser_maker, stack, take
from jaxgan.training.state import GanState
from jaxgan.views import curves

TOLD_APART = ("step", "epoch", "seconds", "steps_per_sec", "images_per_sec")  # not averaged over replicas


class Replica:
    """One of the runs: its folder, its checkpoints, what is written down. `failure` says why it ended early."""

    def __init__(self, number: int, setup: Setup, workdir: Path, checkpoints: Any):
        self.number, self.setup, self.workdir, self.checkpoints = number, setup, workdir, checkpoints
        self.failure = self._failed.read_text("utf-8", "replace")[:1_000] if self._failed.is_file() else ""
        self.journal: Journal = None  # type: ignore[assignment]

    @property
    def _failed(self) -> Path:
        """The file that says so to a resumed run, which must not wait for checkpoints that never come."""
        return self.workdir / layout.FAILURE_FILE

    def attempt(self, what: Callable[..., object], *args: Any, **kwargs: Any) -> None:
        """Do something with a replica that still trains; numbers that are not finite end its part."""
        if self.failure:
            return
        try:
            what(*args, **kwargs)
        except NotFinite as error:
            self.failure = str(error)
            files.write(self._failed, self.failure)
            say(f"warning: replica {self.number}: {error}")

    def score(self, step: int, state: GanState) -> None:
        """Evaluate it, and keep its best checkpoint."""
        self.journal.evaluate(step, state)
        self.checkpoints.note_scores(read_evaluations(self.workdir))

    @property
    def collapsed(self) -> bool:
        """Whether it has failed, or its watch found what makes going on useless."""
        return bool(self.failure) or self.journal.collapsed is not None


def train_replicas(
    config: Config,
    workdir: Path,
    stop: StopRequest,
    on_log: Callable[[Row], object] | None,
    source: Source | None,
) -> GanState:
    """Train all replicas, or go on with them; return their last states, joined along a first axis.

    Replica i is the run of configuration i of `sweep.expand`, to rounding. Their folders are `replicas/0`, ... in
    `workdir`, whose own metrics.jsonl has means, standard deviations (`.../std`) and the share that collapsed.
    """
    from jaxgan.rundir.checkpoint import Checkpoints

    if parallel.num_processes() > 1:
        raise UserError("replicas train in one process; leave --coordinator and --distributed out, or replicas.")
    configs = sweep.expand(config)
    loggers.check(config.train.log_to)
    machine.keep_memory()
    devices = parallel.choose_devices(config.train.num_devices, config.data.batch_size)
    source = source or data.open_source(config.data)
    fingerprint = data.fingerprint(source)
    changes = saved_config.changes(workdir, config, source.info, fingerprint)
    shared = create_setup(sweep.template(configs), source, devices)
    # One program makes all states, whose optimisers then are one: states are compared by them.
    setups = [dataclasses.replace(create_setup(one, source, devices), create=shared.create) for one in configs]
    with contextlib.ExitStack() as keep_open:
        replicas = []
        for number, setup in enumerate(setups):
            own = layout.replicas(workdir) / str(number)
            saved_config.changes(own, setup.config, source.info, fingerprint)
            # A kill between two replicas' saves leaves both only the one before.
            keep = max(2, config.train.keep_checkpoints)
            keep_open.enter_context(locked(own))
            replicas.append(Replica(number, setup, own, keep_open.enter_context(Checkpoints(own, keep=keep))))
        states, records, start = restore(replicas, shared)
        if start >= config.train.num_steps:
            say(f"nothing to do: {workdir} is at step {start} of {config.train.num_steps}")
            return stack(states)
        for path, one in [(workdir, config), *((r.workdir, r.setup.config) for r in replicas)]:
            saved_config.save_config(path, one, source.info, fingerprint)
        write_line(start_text(config, devices, workdir), sys.stderr)
        progress = Progress(start, config.train.num_steps)
        keep_open.callback(progress.close)
        keep_open.enter_context(divert(progress.say))
        for path, (old, new) in changes.items():
            progress.say(f"changed since the last run: config.{path} {old!r} -> {new!r}")
        if start:
            progress.say(f"resumed at step {start} of {config.train.num_steps}")
        conditional = shared.gan.num_classes is not None
        evaluator = create_evaluator(config, source, conditional=conditional) if config.eval.every else None
        for replica, record in zip(replicas, records, strict=True):
            keep_evaluations(replica.workdir, start)
            replica.checkpoints.note_scores(read_evaluations(replica.workdir))
            own = None if evaluator is None else dataclasses.replace(evaluator, seed=replica.setup.config.seed)
            where = replica.setup, replica.workdir, start, record, own
            replica.journal = Journal(*where, progress=Muted(replica.number, progress))
            keep_open.callback(replica.journal.__exit__, None, None, None)
            replica.journal.open({})
        summary = Summary(workdir, start, replicas, progress, on_log)
        done = training_loop(shared, replicas, join(states), sweep.lists(config), stop, summary)
        step = int(take(done, 0).step)
        for replica in replicas:
            replica.checkpoints.wait()
            replica.journal.end(step, asked=bool(stop))
        summary.end(config, step, asked=bool(stop))
    return stack([take(done, replica.number) for replica in replicas])


def restore(replicas: Sequence[Replica], shared: Setup) -> tuple[list[GanState], list[dict[str, Any]], int]:
    """Return the states of the newest step that all replicas have saved, their records, and that step."""
    living = [replica for replica in replicas if not replica.failure]
    if not living:
        raise UserError(f"all replicas failed before ({replicas[0].failure}); train anew elsewhere.")
    while common := set.intersection(*(set(replica.checkpoints.steps()) for replica in living)):
        step = max(common)
        try:
            found = [replica.checkpoints.restore(shared.state_shapes, step) for replica in living]
        except Damaged as error:
            bad = next(r for r in living if str(r.checkpoints.folder / str(step)) in str(error))
            say(f"warning: {error}; it is set aside as {bad.checkpoints.set_aside([step], 'damaged')[0]}")
            continue
        for replica in living:
            # Or a state of another past would stay in the place of the one that is to come.
            if later := [one for one in replica.checkpoints.steps() if one > step]:
                say(f"replica {replica.number}: set aside {', '.join(replica.checkpoints.set_aside(later, 'later'))}")
        states = dict(zip((replica.number for replica in living), found, strict=True))
        # A failed one keeps its place in the program, with a state that nobody reads.
        for replica in [replica for replica in replicas if replica.failure]:
            states[replica.number] = replica.setup.new_state().replace(step=found[0][0].step + 0), {}
        rows = [states[replica.number] for replica in replicas]
        return [state for state, _ in rows], [record for _, record in rows], step
    saved = {replica: replica.checkpoints.steps() for replica in living}
    if all(saved.values()):
        raise UserError("the replicas have checkpoints, but none of a step that all have; train anew elsewhere.")
    for replica, steps in saved.items():
        if len(steps) > 1:  # so it was not the first save that a kill cut short
            bad = next(other.number for other in living if not saved[other])
            raise UserError(f"replica {bad} has no good checkpoint, others have; restore its folder from a copy.")
        if steps:
            say(f"replica {replica.number}: set aside {replica.checkpoints.set_aside(steps, 'later')[0]}; starts anew")
    return [replica.setup.first_state() for replica in replicas], [{} for _ in replicas], 0


def compile_steps(
    shared: Setup, replicas: Sequence[Replica], states: States, swept: Iterable[str]
) -> parallel.CompiledSteps:
    """Return the step of all replicas, which differ in the settings of these paths; it is being compiled."""
    values = {path: np.asarray([get(r.setup.config, path) for r in replicas]) for path in swept}
    makers = {net: optimiser_maker(shared.config.optim[net], net, *shared.optimiser_parts[net]) for net in ("g", "d")}
    step = make_replicas_step(shared.gan, makers["g"], makers["d"], values)
    dataset = resident_dataset(shared)
    steps = parallel.CompiledSteps(step, shared.devices, shared.steps_per_call, dataset)
    shapes = jax.eval_shape(lambda x: x, states)
    steps.compile(shapes, batch_shapes(shared, on_device=dataset is not None, replicas=(len(replicas),)))
    return steps


def batches(shared: Setup, replicas: Sequence[Replica], start: int, *, on_device: bool) -> Iterator[tuple]:
    """Yield each call and the batches of all replicas in it, on the way to the devices."""
    for first, num in calls(shared, start):
        indices = np.stack([indices_of(replica.setup, first) for replica in replicas], axis=2)
        yield (first, num), put(shared, indices, on_device=on_device)


def training_loop(
    shared: Setup,
    replicas: Sequence[Replica],
    states: States,
    swept: Iterable[str],
    stop: StopRequest,
    summary: Summary,
) -> States:
    """Make all calls until the end or a request to stop; write down and save what is due, replica by replica."""
    config, step = shared.config, int(take(states, 0).step)
    steps = compile_steps(shared, replicas, states, swept)
    everywhere = parallel.replicate(states, shared.devices)

    def living() -> Iterator[tuple[Replica, GanState]]:
        local = parallel.local(everywhere)
        return ((replica, take(local, replica.number)) for replica in replicas if not replica.failure)

    for replica, state in living():
        replica.attempt(replica.journal.picture, step, state)
        if step and evaluated(config, step):
            replica.attempt(replica.journal.take_up_evaluation, step, state)
    with data.prefetch(batches(shared, replicas, step, on_device=steps.dataset is not None)) as stream:
        for (first, num), batch in stream:
            if not wait_until_compiled(steps, stop):
                break
            everywhere, metrics = steps(everywhere, batch, num)
            step = first + num
            summary.take(first, num, metrics)
            ended = stop or step == config.train.num_steps or summary.all_collapsed()
            for replica, state in living() if ended or is_something_due(config, step) else ():
                replica.attempt(replica.journal.picture, step, state, last=bool(ended))
                if ended or is_saved(config, step):
                    replica.attempt(save, state, step, replica.journal, replica.checkpoints)
                if evaluated(config, step) and not stop:
                    replica.attempt(replica.score, step, state)
            if evaluated(config, step) and not stop:
                summary.add_scores(step)
            if ended:
                return parallel.local(everywhere)
    for replica, state in living():
        replica.attempt(save, state, step, replica.journal, replica.checkpoints)
    return parallel.local(everywhere)


def is_something_due(config: Config, step: int) -> bool:
    """Return whether the states of the replicas are needed after a step: to draw, to save or to score them."""
    periods = config.train.sample_every, config.train.checkpoint_every, config.eval.every
    return any(is_due(step, every) for every in periods)


class Summary:
    """Means and standard deviations over the replicas that still train, and the share that collapsed."""

    def __init__(
        self,
        workdir: Path,
        start: int,
        replicas: Sequence[Replica],
        progress: Progress,
        on_log: Callable[[Row], object] | None,
    ):
        """Take up the metrics.jsonl of the whole."""
        self._workdir, self._replicas, self._progress, self._on_log = workdir, replicas, progress, on_log
        self._log = MetricsLog(workdir, start)

    def take(self, first: int, num: int, metrics: dict[str, jax.Array]) -> None:
        """Hand each replica its metrics of a call, and write down the whole where they wrote a row."""
        host = {name: np.asarray(values) for name, values in jax.device_get(metrics).items()}
        for replica in self._replicas:
            own = {name: values[:, replica.number] for name, values in host.items()}
            replica.attempt(replica.journal.add, first, num, own)
            replica.attempt(replica.journal.catch_up)
        row = self._joined(first + num)
        if row is not None:
            self._log.write(row)
            self._hand_on(row)
        self._progress.update(first + num, row)

    def add_scores(self, step: int) -> None:
        """Take over what the replicas' evaluations added to their rows of a step."""
        row = self._joined(step)
        if row is not None and self._log.rows and self._log.rows[-1]["step"] == step:
            self._hand_on(self._log.amend(row))

    def _hand_on(self, row: Row) -> None:
        if self._on_log is not None:
            self._on_log(dict(row))

    def _joined(self, step: int) -> Row | None:
        rows = [r.journal.log.rows[-1] for r in self._replicas if not r.failure and r.journal.log.rows]
        rows = [row for row in rows if row["step"] == step]
        if not rows:
            return None
        joined: Row = {name: rows[0][name] for name in TOLD_APART}
        # A replica's speed is that of the whole, which makes so many steps at once.
        joined["images_per_sec"] *= len(self._replicas)
        for name in [name for name in rows[0] if name not in TOLD_APART]:
            values = [row[name] for row in rows if name in row]
            joined[name], joined[f"{name}/std"] = float(np.mean(values)), float(np.std(values))
        collapsed = sum(replica.collapsed for replica in self._replicas)
        return joined | {"replicas": len(rows), "collapsed": collapsed / len(self._replicas)}

    def all_collapsed(self) -> bool:
        """Return whether there is nothing left to train: none is finite, or the watch is to stop collapsed ones."""
        if all(replica.failure for replica in self._replicas):
            return True
        stops = self._replicas[0].setup.config.watch.action == "stop"
        return stops and all(replica.collapsed for replica in self._replicas)

    def end(self, config: Config, step: int, *, asked: bool) -> None:
        """Draw the curves of the means, and print a line for each replica."""
        self._progress.close()
        try:
            if self._log.rows:
                curves.save_losses(self._workdir / layout.LOSSES_FILE, self._log.rows)
        except OSError as error:
            say(f"warning: the curves of {self._workdir} could not be written ({error.strerror or error})")
        for replica in self._replicas:
            row = replica.journal.log.rows[-1] if replica.journal.log.rows else {}
            scores = [e for e in read_evaluations(replica.workdir) if e["step"] == step]
            main = {scores[-1]["main"]: scores[-1]["metrics"].get(scores[-1]["main"], math.nan)} if scores else {}
            told = {name: row[name] for name in ("g/loss", "d/loss") if name in row} | main
            numbers = "  ".join(f"{name} {value:.4g}" for name, value in told.items())
            state = "failed" if replica.failure else "collapsed" if replica.collapsed else ""
            apart = sweep.describe(config, replica.setup.config)
            self._progress.say(f"replica {replica.number} ({apart}): {numbers}  {state}".rstrip())
        how = "stopped at" if asked and step < config.train.num_steps else "finished"
        self._progress.say(f"{how} step {step}; each replica is a run in {layout.replicas(self._workdir)}")
