"""One run and its folder: what is recorded, its checkpoints, its health."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxgan.base import files
from jaxgan.base.checks import NotFinite
from jaxgan.metrics.neighbours import Nearest
from jaxgan.rundir import layout
from jaxgan.rundir.evaluations import IN_TRAINING, Evaluation, keep_evaluations, read_evaluations, write_evaluations
from jaxgan.rundir.metrics_log import Row
from jaxgan.runs.health.health import Health, bad_metric, health_of
from jaxgan.runs.health.rollback import Collapse, choose_target
from jaxgan.runs.health.watch import Finding
from jaxgan.runs.record.recorder import Metrics, Recorder, attempt, has_curves
from jaxgan.runs.record.report import save_report
from jaxgan.runs.setup import Setup
from jaxgan.training.state import GanState


class Run:
    """One of the runs that train together, in the process that has its folder.

    Attributes:
      number: its place among them, None for one that is alone.
      checkpoints: of its folder.
      failure: why it ended before the others, or ''.
      timed_out: the step at which time ended it, or None.
      recorder: what it writes, once it has begun.
      health: what its rows show, likewise.
    """

    recorder: Recorder
    health: Health

    def __init__(self, number: int | None, setup: Setup, workdir: Path, checkpoints: Any):
        self.number, self.setup, self.workdir, self.checkpoints = number, setup, workdir, checkpoints
        self.timed_out: int | None = None
        failed = workdir / layout.FAILURE_FILE
        has_failed = number is not None and failed.exists()
        self.failure = files.read(failed).decode(errors="replace")[:1_000] if has_failed else ""

    @property
    def place(self) -> int:
        """Its place in the program."""
        return self.number or 0

    @property
    def prefix(self) -> str:
        """What a line about it begins with."""
        return "" if self.number is None else f"run {self.number} "

    def retry(self) -> None:
        """Forget a failure."""
        self.failure = ""
        (self.workdir / layout.FAILURE_FILE).unlink(missing_ok=True)

    def health_at(self, step: int) -> Health:
        """Return its health at a saved step."""
        return health_of(self.workdir, self.setup.gan, self.setup.config, step)

    def is_over(self, step: int) -> bool:
        """Return whether a saved run ended at this step by itself, before its last one."""
        return bool(self.failure) or self.health_at(step).ends

    def has_ended(self, step: int) -> bool:
        """Return whether the end of a run at this step was written: its scores and its curves."""
        if self.failure:
            return True
        scored = not self.scores(step) or self._scored(step) is not None
        return scored and has_curves(self.workdir)

    def scores(self, step: int) -> bool:
        """Return whether a step is scored: where that is due, and where time ended the run."""
        return self.setup.schedule.scores(step) or (step == self.timed_out and self.setup.config.eval.every > 0)

    def begin(self, step: int, record: dict[str, Any], say_of: Callable[[str], object]) -> None:
        """Continue from a step, with the record of its checkpoint; `say_of` prints what there is to say of this run."""
        keep_evaluations(self.workdir, step)
        self.say = say_of
        self.evaluations = read_evaluations(self.workdir)
        self.checkpoints.note_scores(self.evaluations)
        self.rollbacks: list[dict[str, Any]] = list(record.get("rollbacks") or [])
        self.recorder = Recorder(self.setup, self.workdir, step, record)
        self.health = Health(self.setup.gan, self.setup.config, self.recorder.log.rows, self.evaluations)
        self.wrong = ""  # what became NaN or infinite
        self._nearest: Nearest | None = None
        self.recorder.draw_data()

    def draw(self, step: int, state: GanState) -> None:
        """Draw the fixed-latent grid of a step where one is due."""
        self.recorder.draw(step, state)

    def add(self, first: int, num: int, metrics: Metrics, now: float) -> None:
        """Take the metrics of a call; write the page with the row that they complete, where a grid is new."""
        self.wrong = self.wrong or bad_metric(metrics, first, num)
        if self.wrong:
            return
        row = self.recorder.add(first + num, metrics, now)
        if row is not None:
            self._warn(self.health.look(row))
            if self.recorder.has_new_grid(first + num):
                self.report()

    def _warn(self, findings: list[Finding]) -> None:
        for finding in findings:
            self.say(f"warning: {finding.sentence}")

    def collapse(self, step: int, saved: Callable[[], list[int]]) -> Collapse | None:
        """Return what to go back from and to, among the saved steps, if config.watch.action says so; None otherwise."""
        watch, finding = self.setup.config.watch, self.health.collapsed
        if self.wrong:
            finding = Finding(step, "not_finite", "error", self.wrong, {})
        if finding is None or watch.action != "rollback" or len(self.rollbacks) >= watch.max_rollbacks:
            return None
        target = choose_target(saved(), self.checkpoints.best, finding, self.setup.schedule.saves)
        return None if target is None else Collapse(step, target, finding)

    def fail(self, wrong: str) -> None:
        """End this run, for numbers that are not finite; NotFinite where it is alone."""
        good = "the last checkpoint is good" if self.checkpoints.steps() else "there is no checkpoint yet"
        alone = f"continue it alone by --workdir={self.workdir}"
        how = "run the same command again" if self.number is None else alone
        self.failure = f"{wrong}; {good}: lower config.optim.*.learning_rate and {how}."
        if self.number is None:
            raise NotFinite(self.failure)
        files.write(self.workdir / layout.FAILURE_FILE, self.failure)
        self.say(f"warning: {self.failure}")

    def save(self, step: int, state: GanState, spent: float) -> None:
        """Save a state that is known to be sound, after `spent` seconds of the whole run."""
        more = {"rollbacks": self.rollbacks, "devices": len(self.setup.devices), "seconds_spent": round(spent, 3)}
        if self.setup.own_optimisers:
            more["own_optimisers"] = list(self.setup.own_optimisers)
        if step == self.timed_out:
            more["timed_out"] = self.setup.config.train.max_minutes
        self.checkpoints.save(step, state, self.recorder.carried(step) | more)

    def _scored(self, step: int) -> Evaluation | None:
        """Return the evaluation of a step that was made in training, if there is one."""
        made = [one for one in read_evaluations(self.workdir) if one["step"] == step and one.get(IN_TRAINING)]
        return made[-1] if made else None

    def lacks_scores(self, step: int) -> bool:
        """Return whether the step that the run continues from is still to be scored; note scores that are there."""
        if self.failure or not step or not self.scores(step):
            return False
        entry = self._scored(step)
        if entry is not None:
            self._note(entry)
        return entry is None

    def score(self, entry: Evaluation, nearest: Nearest) -> None:
        """Take the scores of a step, for evaluation.json, the next row and the report."""
        entry = {**entry, IN_TRAINING: True}
        self._nearest = nearest
        self.evaluations.append(entry)
        self._note(entry)
        entries = [*read_evaluations(self.workdir), entry]
        attempt(lambda: write_evaluations(self.workdir, entries), "scores", self.workdir)
        main = entry["main"]
        self.say(
            f"evaluated step {entry['step']}: {main} {entry['metrics'][main]:.4g} (real images "
            f"{entry['floor'].get(main, math.nan):.3g}) in {entry['seconds']:.1f} s"
        )
        self.report()
        self.checkpoints.note_scores(read_evaluations(self.workdir))

    def _note(self, entry: Evaluation) -> None:
        row = self.recorder.add_scores(entry)
        columns = {name: value for name, value in (row or {}).items() if name.startswith("eval/") or name == "step"}
        self._warn(self.health.look_at_scores(entry, columns or None))

    @property
    def row(self) -> Row | None:
        """The newest row, or None."""
        return self.recorder.log.rows[-1] if self.recorder.log.rows else None

    def report(self) -> None:
        """Write the page of the run."""
        config, info = self.setup.config, self.setup.gan.data
        write = functools.partial(save_report, self.workdir, config, info, self.health.report, self._nearest)
        attempt(write, "report", self.workdir)

    def finish(self) -> None:
        """Write the end of the run."""
        self.checkpoints.wait()
        self.recorder.finish(self.report)
