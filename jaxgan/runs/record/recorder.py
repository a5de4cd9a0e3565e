"""What a run writes beside its checkpoints: rows of metrics, grids, curves, loggers. It decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import terminal
from jaxgan.base.types import Array
from jaxgan.rundir import layout
from jaxgan.rundir.evaluations import Evaluation
from jaxgan.rundir.metrics_log import MetricsLog, Row, read_metrics
from jaxgan.runs.health.watch import diversity
from jaxgan.runs.record.grids import GridWriter
from jaxgan.runs.record.loggers import Loggers
from jaxgan.runs.setup import Setup
from jaxgan.training.state import GanState
from jaxgan.views import curves, images

Metrics = dict[str, np.ndarray]  # of each step of a call


class Recorder:
    """Writes the rows, grids and curves of one run.

    Attributes:
      log: the rows.
    """

    def __init__(self, setup: Setup, workdir: Path, start: int, carried: dict[str, Any]):
        """Continue from step `start`, with what was `carried` by the checkpoint of that step."""
        self._setup, self._workdir, self._start = setup, workdir, start
        self._began = self._logged = time.monotonic()
        # Steps since the last row, so that a resumed run's next row is that of an unbroken one.
        window = carried.get("window") or {}
        self._window: list[Metrics] = [{name: np.asarray(v, np.float32) for name, v in window.items()}]
        self._scores: dict[str, float] = dict(carried.get("extra") or {})  # columns of the next row
        self._counted_from = start
        self.log = MetricsLog(workdir, start)
        self._loggers = Loggers(workdir, start, setup.config)
        self._grids = GridWriter(setup, workdir, self._loggers.grid)
        self._last_grid = -1
        self._unshown: list[int] = []  # steps of the grids that no page shows yet
        self._drawn: list[tuple[int, Array]] = []  # grids since the last row

    def add(self, step: int, metrics: Metrics, now: float) -> Row | None:
        """Take the metrics of the steps up to `step`, made by time `now`; return the row that they complete, if any."""
        self._window.append(metrics)
        if not self._setup.schedule.logs(step):
            return None
        self._measure_diversity(step)
        rule, size = self._setup.gan.rule, self._setup.config.data.batch_size
        speed = (step - self._counted_from) / max(now - self._logged, 1e-9)
        row = {
            "step": step,
            "epoch": round(step / self._setup.steps_per_epoch, 4),
            "seconds": round(now - self._began, 3),
            "steps_per_sec": speed,
            "images_per_sec": speed * size * rule.d_steps,
            **{name: float(np.mean(values)) for name, values in self._joined().items()},
            **self._learning_rates(step),
            **self._scores,
        }
        self._window, self._scores, self._counted_from, self._logged = [], {}, step, now
        self.log.write(row)
        self._loggers.row(dict(row))
        return row

    def _joined(self) -> Metrics:
        """Return the steps since the last row; a metric may be missing from those before its setting was changed."""
        names = dict.fromkeys(name for part in reversed(self._window) for name in part)
        return {name: np.concatenate([part[name] for part in self._window if name in part]) for name in names}

    def _learning_rates(self, step: int) -> dict[str, float]:
        updates = {"g": step, "d": step * self._setup.gan.rule.d_updates}
        rates = self._setup.learning_rates
        return {f"{net}/lr": float(np.asarray(rates[net](num - 1))) for net, num in updates.items() if net in rates}

    def _measure_diversity(self, step: int) -> None:
        """Compare the newest grid of the steps up to `step` with real images."""
        config = self._setup.config
        drawn = [pixels for at, pixels in self._drawn if at <= step]
        if drawn and config.watch.action != "off" and config.sample.num > 1:
            self._scores |= diversity(np.asarray(drawn[-1]), self._grids.real)
        self._drawn = self._drawn[len(drawn) :]

    def carried(self, step: int) -> dict[str, Any]:
        """Return what the checkpoint of `step` must hold for the next row, as JSON."""
        self._measure_diversity(step)
        return {"window": {name: values.tolist() for name, values in self._joined().items()}, "extra": self._scores}

    def add_scores(self, entry: Evaluation) -> Row | None:
        """Add scores to the row of their step, and return it; or to the next row where that step has none."""
        columns = {f"eval/{name}": value for name, value in entry["metrics"].items()}
        if not self.log.rows or self.log.rows[-1]["step"] != entry["step"]:
            self._scores |= columns
            return None
        if columns.items() <= self.log.rows[-1].items():
            return None  # a resumed run has read that row already
        row = self.log.amend(columns)
        self._loggers.row(dict(row))
        return row

    def start_timing(self) -> None:
        """Count the time until now for nothing: training has not begun before."""
        self._logged = time.monotonic()

    def pause(self, seconds: float) -> None:
        """Leave out a length of time: the speed is that of training."""
        self._logged += seconds

    def draw(self, step: int, state: GanState) -> None:
        """Draw the fixed-latent grid of a step, once."""
        if not self._setup.config.train.sample_every or step == self._last_grid:
            return
        pixels = self._grids.write(step, state)
        self._last_grid = step
        self._unshown.append(step)
        # The grid of the step that a resumed run continues from was measured before that step was saved.
        if self._setup.schedule.draws(step) and (step == 0 or step > self._start):
            self._drawn.append((step, pixels))

    def has_new_grid(self, step: int) -> bool:
        """Return whether a grid of a step up to `step` is new since the last call; wait until its file is written.

        A grid of a later step is not waited for: it may be one that the devices have yet to make.
        """
        new = [at for at in self._unshown if at <= step]
        if self._last_grid in new:
            self._grids.finish()  # those before it are written
        self._unshown = self._unshown[len(new) :]
        return bool(new)

    def draw_data(self) -> None:
        """Draw real images."""
        self._grids.write_data()

    def finish(self, report: Callable[[], object]) -> None:
        """Draw the animation and the curves; call `report` between them.

        The curves come last: where they are older than the metrics, the end of the run was cut off.
        """
        self._grids.finish()
        grids = layout.grids(self._workdir)
        if len(grids) > 1:
            path = self._workdir / layout.PROGRESS_FILE
            attempt(lambda: images.save_gif_of_files(path, grids), "animation", self._workdir)
        report()
        draw_curves(self._workdir, self.log.rows)

    def close(self) -> None:
        """Write what is not written yet."""
        self._loggers.close()


def attempt(write: Callable[[], object], what: str, workdir: Path) -> None:
    """Write something that a run can do without; a disk that refuses is reported."""
    try:
        write()
    except OSError as error:
        terminal.say(f"warning: the {what} of {workdir} could not be written ({error.strerror or error})")


def draw_curves(workdir: Path, rows: list[Row]) -> None:
    """Draw the curves, if there are rows."""
    if rows:
        attempt(lambda: curves.save_losses(workdir / layout.LOSSES_FILE, rows), "curves", workdir)


def has_curves(workdir: Path) -> bool:
    """Return whether the end of a run was reached: its curves are newer than its metrics."""
    curve, log = workdir / layout.LOSSES_FILE, workdir / layout.METRICS_FILE
    return not read_metrics(workdir) or (curve.is_file() and curve.stat().st_mtime_ns >= log.stat().st_mtime_ns)
