"""What a run writes down beside its checkpoints, without making the devices wait."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import gans
from jaxgan.base import terminal
from jaxgan.base.checks import NotFinite
from jaxgan.base.types import Array, Config, DataInfo
from jaxgan.generators.averaged import averaged_generator
from jaxgan.metrics.neighbours import Nearest
from jaxgan.rundir import saved_config
from jaxgan.rundir.evaluations import (
    IN_TRAINING,
    Evaluation,
    of_one_protocol,
    protocol,
    read_evaluations,
    write_evaluations,
)
from jaxgan.rundir.metrics_log import MetricsLog, Row, read_metrics
from jaxgan.runs.evaluate import Evaluator
from jaxgan.runs.health.early_stop import has_stalled
from jaxgan.runs.health.watch import Finding, Watch, diversity, first_collapse, make_watch
from jaxgan.runs.record.grids import GridWriter
from jaxgan.runs.record.loggers import Loggers
from jaxgan.runs.record.progress import Progress
from jaxgan.runs.record.report import save_report
from jaxgan.runs.setup import Setup
from jaxgan.training.state import GanState
from jaxgan.views import curves, images

LOSSES_FILE = "losses.png"
PROGRESS_FILE = "progress.gif"  # the fixed-latent grids over time


def is_due(step: int, every: int) -> bool:
    """Return whether something that happens every so many steps (0: never) happens after this one."""
    return every > 0 and step % every == 0


class Journal:
    """What a run writes down beside its checkpoints: metrics, images, progress.

    Metrics are fetched one call late, and images written by a thread, so that the devices do not wait.
    """

    def __init__(
        self,
        setup: Setup,
        workdir: Path,
        start: int,
        record: dict[str, Any],
        evaluator: Evaluator | None = None,
        on_log: Callable[[Row], object] | None = None,
        progress: Progress | None = None,
    ):
        """Take up a run at step `start`, with the `record` that was saved with that step; told is to `progress`."""
        self.setup, self.workdir, self.start, self._on_log = setup, workdir, start, on_log
        self.began = self.logged = time.monotonic()
        self._pending: list[tuple[int, int, dict[str, Array]]] = []
        # Steps since the last row, so that a resumed run's next row is that of an unbroken one.
        window = record.get("window") or {}
        self._window = [{name: np.asarray(v, np.float32) for name, v in window.items()}] if window else []
        self._extra: dict[str, float] = dict(record.get("extra") or {})
        self._counted_from = start
        self.rollbacks: list[dict[str, Any]] = list(record.get("rollbacks") or [])
        self._devices_before = record.get("devices")
        self.log = MetricsLog(workdir, start)
        self._progress = progress or Progress(start, setup.num_steps)
        self._divert = contextlib.ExitStack()
        self._loggers = Loggers(workdir, start, setup.config)
        self._grids = GridWriter(setup, workdir, self._loggers.grid)
        self._last_grid = -1
        self._drawn: list[Array] = []  # fixed-latent images since the last row
        self._watch: Watch | None = None
        self.findings: list[Finding] = []
        self._evaluator = evaluator
        self._evaluations = read_evaluations(workdir)
        self._nearest: Nearest | None = None
        self._begin_watch()

    def __enter__(self) -> Journal:
        self._divert.enter_context(terminal.divert(self._progress.say))
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._loggers.close()
        self._divert.close()
        self._progress.close()

    def open(self, changes: dict[str, tuple[object, object]]) -> None:
        """Say what is learnt from, and what changed since the run was last saved."""
        say, setup = self._progress.say, self.setup
        self._grids.write_data()
        say(f"{setup.source.info.num_images:,} images, {setup.steps_per_epoch:.2f} steps an epoch")
        for path, (old, new) in changes.items():
            say(f"changed since the last run: config.{path} {old!r} -> {new!r}")
        if self.start:
            say(f"resumed at step {self.start} of {setup.num_steps}")
            before, now = self._devices_before, len(setup.devices)
            if isinstance(before, int) and before != now:
                say(f"it was saved on {before} devices and goes on on {now}: as an unbroken run but for rounding")

    def add(self, first: int, num: int, metrics: dict[str, Array]) -> None:
        """Take a call's metrics, and read those of the call before."""
        self._pending.append((first, num, metrics))
        while len(self._pending) > 1:
            self._read(*self._pending.pop(0))

    def catch_up(self) -> None:
        """Read all metrics that are still to come."""
        while self._pending:
            self._read(*self._pending.pop(0))

    def record(self) -> dict[str, Any]:
        """Return what a checkpoint of the last step read must hold for the next row, as JSON."""
        self._note_diversity()
        joined = {
            name: np.concatenate([part[name] for part in self._window]).tolist()
            for name in (self._window[0] if self._window else ())
        }
        devices = len(self.setup.devices)
        return {"window": joined, "extra": self._extra, "rollbacks": self.rollbacks, "devices": devices}

    def take_up_evaluation(self, step: int, state: GanState) -> None:
        """Have the scores of the step that the run goes on from, which come after it is saved; make them if missing."""
        made = [entry for entry in read_evaluations(self.workdir) if entry["step"] == step and entry.get(IN_TRAINING)]
        if made:
            self._add_scores(made[-1])
        else:
            self.evaluate(step, state)

    def evaluate(self, step: int, state: GanState) -> None:
        """Score the averaged generator, for evaluation.json, the next row and the report."""
        if self._evaluator is None:
            return
        began = time.monotonic()
        params = averaged_generator(self.setup.gan, self.setup.config, jax.device_get(state.ema))
        entry = {**self._evaluator.evaluate(params, step), IN_TRAINING: True}
        self._nearest = self._evaluator.nearest(params)
        own = [one for one in self._evaluations if one.get(IN_TRAINING)]
        self._evaluations.append(entry)
        if own and protocol(own[-1]) != protocol(entry):
            self._begin_watch()
        self._add_scores(entry)
        self._save_evaluation(entry)
        self.logged += time.monotonic() - began  # the speed is that of training
        main = self._evaluator.main
        self._progress.say(
            f"evaluated step {step}: {main} {entry['metrics'][main]:.4g} (real images "
            f"{entry['floor'].get(main, math.nan):.3g}) in {time.monotonic() - began:.1f} s"
        )
        self.report()

    def _add_scores(self, entry: Evaluation) -> None:
        """Add scores to the row of their step, or to the next one where that step has none."""
        columns = {f"eval/{name}": value for name, value in entry["metrics"].items()}
        if not self.log.rows or self.log.rows[-1]["step"] != entry["step"]:
            self._extra |= columns
            return
        if columns.items() <= self.log.rows[-1].items():
            return  # a resumed run has read, and seen, that row already
        row = self.log.amend(columns)
        self._warn(self._look({"step": entry["step"], **columns}))
        self._hand_on(row)

    def _hand_on(self, row: Row) -> None:
        self._loggers.row(dict(row))
        if self._on_log is not None:
            self._on_log(dict(row))

    def _warn(self, findings: list[Finding]) -> None:
        for finding in findings:
            self._progress.say(f"warning: {finding.sentence}")

    def _save_evaluation(self, entry: Evaluation) -> None:
        try:
            write_evaluations(self.workdir, [*read_evaluations(self.workdir), entry])
        except OSError as error:
            terminal.say(f"warning: the evaluation could not be written ({error.strerror or error})")

    def _note_diversity(self) -> None:
        """Compare the images drawn since the last row with real ones, for the watch."""
        if self._drawn and self._watch is not None and self.setup.config.sample.num > 1:
            self._extra |= diversity(np.asarray(self._drawn[-1]), self._grids.real)
        self._drawn = []

    def _begin_watch(self) -> None:
        """Show a new watch all rows so far, but no scores that cannot be compared with the newest."""
        if self.setup.config.watch.action == "off":
            return
        main, floor = ("", {}) if self._evaluator is None else (self._evaluator.main, self._evaluator.floor.scores)
        self._watch, self.findings = make_watch(self.setup.gan, main, floor), []
        for row in of_one_protocol(self.log.rows, self._evaluations):
            self._look(row)

    def _look(self, row: Row) -> list[Finding]:
        found = [] if self._watch is None else self._watch.update(row)
        self.findings += found
        return found

    def _read(self, first: int, num: int, metrics: dict[str, Array]) -> None:
        host = {name: np.asarray(values)[:num] for name, values in jax.device_get(metrics).items()}
        for name, values in host.items():
            if not np.isfinite(values).all():
                bad = values[~np.isfinite(values)][0]
                raise NotFinite(
                    f"{name} became {bad} between steps {first + 1} and {first + num}; the last checkpoint is good: "
                    "lower config.optim.*.learning_rate and run the same command again."
                )
        self._window.append(host)
        step, row = first + num, None
        if is_due(step, self.setup.config.train.log_every) or step == self.setup.num_steps:
            row = self._write_row(step)
        self._progress.update(step, row)

    def _write_row(self, step: int) -> Row:
        now, rule, size = time.monotonic(), self.setup.gan.rule, self.setup.config.data.batch_size
        self._note_diversity()
        speed = (step - self._counted_from) / max(now - self.logged, 1e-9)
        means = {name: float(np.mean(np.concatenate([w[name] for w in self._window]))) for name in self._window[0]}
        row = {
            "step": step,
            "epoch": round(step / self.setup.steps_per_epoch, 4),
            "seconds": round(now - self.began, 3),
            "steps_per_sec": speed,
            "images_per_sec": speed * size * rule.d_steps,
            **means,
            **self._learning_rates(step),
            **self._extra,
        }
        self.log.write(row)
        self._warn(self._look(row))
        self._window, self._extra, self._counted_from, self.logged = [], {}, step, now
        self._hand_on(row)
        return row

    def _learning_rates(self, step: int) -> dict[str, float]:
        updates = {"g": step, "d": step * self.setup.gan.rule.d_updates}
        return {f"{net}/lr": float(np.asarray(self.setup.schedules[net](num - 1))) for net, num in updates.items()}

    @property
    def stalled(self) -> bool:
        """Whether config.early_stop says that training no longer gets better."""
        return has_stalled(self.log.rows, self.setup.config.early_stop, self._evaluations)

    def picture(self, step: int, state: GanState, *, last: bool = False) -> None:
        """Draw the fixed-latent grid where it is due, at the run's start, and at its last step."""
        every = self.setup.config.train.sample_every
        if every and step != self._last_grid and (is_due(step, every) or step == 0 or last):
            pixels = self._grids.write(step, state)
            self._last_grid = step
            if is_due(step, every):
                self._drawn.append(pixels)

    def end(self, step: int, *, asked: bool) -> None:
        """Draw curves and the animation, and say how the run ended and where its files are."""
        self._progress.close()
        self._grids.finish()
        self._save_images()
        self.report()
        say = self._progress.say
        if step >= self.setup.num_steps:
            say(f"finished step {step} after {time.monotonic() - self.began:.1f} s of training in this process")
        elif asked:
            say(f"stopped at step {step} and saved; run the same command again to go on")
        elif self.collapsed is not None:
            say(f"stopped at step {step}, for training collapsed; config.watch.action=warn goes on all the same")
        else:
            metric, patience = self.setup.config.early_stop.metric, self.setup.config.early_stop.patience
            say(f"stopped early at step {step}: no better {metric} in {patience} logged rows")
        say(f"images, metrics and checkpoints are in {self.workdir}")

    @property
    def collapsed(self) -> Finding | None:
        """The first thing that the watch found and that makes going on as before useless, or None."""
        return first_collapse(self.findings)

    def report(self) -> None:
        """Write the page of the run."""
        try:
            watched = None if self._watch is None else self.findings
            save_report(self.workdir, self.setup.config, watched, self._nearest)
        except OSError as error:
            terminal.say(f"warning: the report could not be written ({error.strerror or error})")

    def _save_images(self) -> None:
        grids = saved_config.grids(self.workdir)
        try:
            if self.log.rows:
                curves.save_losses(self.workdir / LOSSES_FILE, self.log.rows)
            if len(grids) > 1:
                images.save_gif_of_files(self.workdir / PROGRESS_FILE, grids)
        except OSError as error:
            terminal.say(f"warning: the curves of {self.workdir} could not be written ({error.strerror or error})")


def watch_again(workdir: Path, config: Config, info: DataInfo) -> list[Finding]:
    """Return what the watch found in a run, from what its folder holds."""
    evaluations = read_evaluations(workdir)
    newest = evaluations[-1] if evaluations else {}
    watch = make_watch(gans.build(config, info), newest.get("main", ""), newest.get("floor", {}))
    rows = of_one_protocol(read_metrics(workdir), evaluations)
    return [finding for row in rows for finding in watch.update(row)]


def report_again(workdir: Path, nearest: Nearest | None = None, *, trust: bool = False) -> None:
    """Write the page of a run that is not being trained, from what its folder holds.

    Args:
      workdir: folder of the run.
      nearest: generated images beside what they resemble most.
      trust: consent to execute the GAN's own .py file, if the run has one.
    """
    config, info = saved_config.trusted_config(workdir, trust=trust)
    findings = watch_again(workdir, config, info)
    save_report(workdir, config, None if config.watch.action == "off" else findings, nearest)
