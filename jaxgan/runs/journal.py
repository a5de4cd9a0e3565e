"""What a run writes down beside its checkpoints, without making the devices wait."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks, keys, machine
from jaxgan.base.checks import NotFinite
from jaxgan.base.pixels import to_uint8
from jaxgan.base.types import Array
from jaxgan.runs import folder, metrics_log, progress
from jaxgan.runs.early_stop import stalled
from jaxgan.runs.interrupt import StopRequest
from jaxgan.runs.setup import Setup
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.show import curves, images
from jaxgan.training.gan import generator_params
from jaxgan.training.state import GanState

LOSSES_FILE = "losses.png"
PROGRESS_FILE = "progress.gif"  # the fixed-latent grids over time


def is_mark(step: int, every: int) -> bool:
    """Return whether something that happens every so many steps (0: never) happens after this one."""
    return every > 0 and step % every == 0


class Journal:
    """What a run writes down beside its checkpoints: metrics, pictures, progress.

    Metrics are fetched one call late, and pictures written by a thread, so that the devices do not wait.
    """

    def __init__(self, setup: Setup, run: Path, start: int):
        self.setup, self.run, self.start = setup, run, start
        self.began = self.logged = time.monotonic()
        self._pending: list[tuple[int, int, dict[str, Array]]] = []
        self._window: list[dict[str, np.ndarray]] = []
        self._window_start = start
        self._log = metrics_log.MetricsLog(run, start)
        self._rows = metrics_log.read_metrics(run)
        self._progress = progress.Progress(start, setup.num_steps)
        self._pictures = Pictures(setup, run)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._progress.close()
        self._log.close()
        self._pictures.close()

    def open(self, changes: dict[str, tuple[object, object]]) -> None:
        """Say what is learnt from, and what changed since the run was last saved."""
        say, setup = self._progress.say, self.setup
        self._pictures.draw_data()
        say(f"{setup.source.info.num_images:,} pictures, {setup.steps_per_epoch:.2f} steps an epoch")
        for path, (old, new) in changes.items():
            say(f"changed since the last run: config.{path} {old!r} -> {new!r}")
        if self.start:
            say(f"resumed at step {self.start} of {setup.num_steps}")

    def add(self, first: int, num: int, metrics: dict[str, Array]) -> None:
        """Take a call's metrics, and read those of the call before."""
        self._pending.append((first, num, metrics))
        while len(self._pending) > 1:
            self._read(*self._pending.pop(0))

    def catch_up(self) -> None:
        """Read all metrics that are still to come."""
        while self._pending:
            self._read(*self._pending.pop(0))

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
        if is_mark(step, self.setup.config.train.log_every) or step == self.setup.num_steps:
            row = self._write_row(step)
        self._progress.update(step, row)

    def _write_row(self, step: int) -> dict[str, float]:
        now = time.monotonic()
        speed = (step - self._window_start) / max(now - self.logged, 1e-9)
        means = {name: float(np.mean(np.concatenate([w[name] for w in self._window]))) for name in self._window[0]}
        row = {
            "step": step,
            "epoch": round(step / self.setup.steps_per_epoch, 4),
            "seconds": round(now - self.began, 3),
            "steps_per_sec": speed,
            "images_per_sec": speed * self.setup.config.data.batch_size,
            **means,
            **self._learning_rates(step),
        }
        self._log.write(row)
        self._rows.append(row)
        self._window, self._window_start, self.logged = [], step, now
        return row

    def _learning_rates(self, step: int) -> dict[str, float]:
        updates = {"g": step, "d": step * self.setup.gan.rule.d_updates}
        return {f"{net}/lr": float(np.asarray(self.setup.schedules[net](num - 1))) for net, num in updates.items()}

    @property
    def stalled(self) -> bool:
        """Whether config.early_stop says that training no longer gets better; ValueError for an unknown metric."""
        stop = self.setup.config.early_stop
        if not stop.metric or not self._rows:
            return False
        checks.one_of("config.early_stop.metric", stop.metric, self._rows[-1])
        return stalled([row[stop.metric] for row in self._rows], stop.goal, stop.patience)

    def picture(self, step: int, state: GanState) -> None:
        """Draw the fixed-latent grid, at the run's start and at its marks."""
        every = self.setup.config.train.sample_every
        if is_mark(step, every) or (every and step == 0):
            self._pictures.draw(step, state)

    def end(self, step: int, stop: StopRequest) -> None:
        """Draw curves and the animation, and say how the run ended and where its files are."""
        self._progress.close()
        self._pictures.finish()
        if self._rows:
            curves.save_losses(self.run / LOSSES_FILE, self._rows)
        self._save_progress()
        seconds = time.monotonic() - self.began
        if stop and step < self.setup.num_steps:
            self._progress.say(f"stopped at step {step} and saved; run the same command again to go on")
        elif step < self.setup.num_steps:
            metric, patience = self.setup.config.early_stop.metric, self.setup.config.early_stop.patience
            self._progress.say(f"stopped early at step {step}: no better {metric} in {patience} logged rows")
        else:
            self._progress.say(f"finished step {step} after {seconds:.1f} s of training in this process")
        self._progress.say(f"pictures, metrics and checkpoints are in {self.run}")

    def _save_progress(self) -> None:
        grids = folder.grids(self.run)
        if len(grids) > 1:
            images.save_gif_of_files(self.run / PROGRESS_FILE, grids)


class Pictures:
    """Grids of the same latents over time, made on the device and written by a thread."""

    def __init__(self, setup: Setup, run: Path):
        self._setup, self._run = setup, run
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._written: list[Future] = []
        self._generate = jax.jit(self._fixed_pixels, compiler_options=machine.compiler_options(seldom=True))

    def draw(self, step: int, state: GanState) -> None:
        """Start making the grid of a state."""
        params = generator_params(self._setup.gan, state.ema)
        pixels = self._generate(params, keys.stream(self._setup.config.seed, keys.Stream.SAMPLE))
        self._written.append(self._thread.submit(self._write, folder.grid_file(self._run, step), pixels))

    def _fixed_pixels(self, params: GeneratorParams, key: Array) -> Array:
        """Make the run's pictures, those of a conditional GAN class by class."""
        shown, classes = self._setup.config.sample, params.num_classes
        labels = None if classes is None else jnp.arange(shown.num) // math.ceil(shown.num / classes)
        z = sampler.latents(params, key, shown.num)
        return to_uint8(sampler.generate(params, z, labels, stats=shown.stats))

    def _write(self, path: Path, pixels: Array) -> None:
        shown = self._setup.config.sample
        grid = images.grid(np.asarray(pixels), shown.columns)
        images.save(path, images.invert(grid) if shown.invert else grid)

    def draw_data(self) -> None:
        """Write a grid of the real pictures, to see before training what the network will see."""
        source, shown = self._setup.source, self._setup.config.sample
        first = self._setup.plan.indices(0, math.ceil(shown.num / self._setup.plan.batch_size)).ravel()
        pixels, _ = source.read(first[: shown.num])
        images.save(self._run / folder.SAMPLES / "data.png", images.grid(pixels, shown.columns))

    def finish(self) -> None:
        """Wait until all is written, and raise what went wrong in the thread."""
        for future in self._written:
            future.result()

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown()
