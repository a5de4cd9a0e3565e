"""Training runs: from a configuration and a folder to checkpoints, pictures and metrics."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from ml_collections import ConfigDict

from jaxgan import config as config_lib
from jaxgan import data, gans, images, keys, parallel, report, sampling, workdir
from jaxgan.interrupt import catch_stop
from jaxgan.optim import make_optimiser, make_schedule
from jaxgan.state import Gan, GanState, GeneratorParams, create_state, generator_params
from jaxgan.step import make_train_step
from jaxgan.types import Array, Source

SAMPLES = "samples"


def train(config: ConfigDict, run: str | Path) -> GanState:
    """Train a GAN, or go on with a run that was stopped.

    Args:
      config: complete, as `jaxgan.config.default()` or a file in `configs/` makes it.
      run: folder of the run, made if missing; the same folder and configuration resume.

    Returns:
      The last state.

    Raises:
      ValueError, FileNotFoundError: the configuration, the data or the folder do not fit.
      FloatingPointError: a metric or a parameter became NaN or infinite; good checkpoints stay.
      OSError: the disk refused a checkpoint, a picture or a line.
    """
    config_lib.validate(config)
    run = Path(run)
    devices = parallel.choose_devices(config.train.num_devices, config.data.batch_size)
    source = data.open_source(config.data)
    setup = create_setup(config, source, devices)
    changes = prepare_folder(run, config, source)
    # Orbax takes a second to import, which `import jaxgan` should not.
    from jaxgan.checkpoint import Checkpoints

    with Checkpoints(run, keep=config.train.keep_checkpoints) as checkpoints:
        state = start_state(setup, checkpoints)
        start = int(state.step)
        with catch_stop() as stop, Journal(setup, run, start) as journal:
            journal.open(devices, changes)
            state = training_loop(setup, state, journal, checkpoints, stop)
            journal.end(int(state.step), stop.signal)
    return state


@dataclasses.dataclass(frozen=True)
class Setup:
    """All that a run is made of and that does not change in it."""

    config: ConfigDict
    source: Source
    gan: Gan
    devices: list[jax.Device]
    plan: data.IndexPlan
    schedules: dict[str, optax.Schedule]
    new_state: Callable[[], GanState]
    steps_per_call: int

    @property
    def num_steps(self) -> int:
        """Length of the run."""
        return self.config.train.num_steps

    @property
    def steps_per_epoch(self) -> float:
        """Training steps in one pass over the data."""
        return self.plan.steps_per_epoch / self.gan.rule.d_steps


def create_setup(config: ConfigDict, source: Source, devices: list[jax.Device]) -> Setup:
    """Build networks, optimisers and the index plan."""
    gan = gans.build(config, source.info)
    info, rule = source.info, gan.rule
    plan = data.IndexPlan(config.seed, info.num_images, config.data.batch_size, config.data.drop_remainder)
    d_updates = rule.d_steps * (2 if rule.d_passes == "two_steps" else 1)
    epoch = plan.steps_per_epoch / rule.d_steps
    schedules = {
        "g": make_schedule(config.optim.g, epoch, config.train.num_steps),
        "d": make_schedule(config.optim.d, epoch * d_updates, config.train.num_steps * d_updates),
    }
    optimisers = [make_optimiser(config.optim[net], schedules[net]) for net in ("g", "d")]

    def new_state() -> GanState:
        return create_state(gan, *optimisers, keys.stream(config.seed, keys.Stream.INIT))

    return Setup(
        config=config,
        source=source,
        gan=gan,
        devices=devices,
        plan=plan,
        schedules=schedules,
        new_state=new_state,
        steps_per_call=config.train.steps_per_call or auto_steps_per_call(new_state, config, devices[0].platform),
    )


def auto_steps_per_call(new_state: Callable[[], GanState], config: ConfigDict, platform: str) -> int:
    """Choose how many steps one call makes: XLA's CPU loops run convolutions some 30 times slower."""
    shapes = jax.eval_shape(new_state)
    convolves = any(leaf.ndim >= 4 for leaf in jax.tree.leaves((shapes.g.params, shapes.d.params)))
    return 1 if platform == "cpu" and convolves else min(50, config.train.log_every)


def prepare_folder(run: Path, config: ConfigDict, source: Source) -> dict[str, tuple[object, object]]:
    """Write config.json and return what differs from the one that was there; ValueError if that cannot resume."""
    changes = {}
    if (run / workdir.CONFIG_FILE).exists():
        saved, _ = workdir.load_config(run)
        changes = workdir.differences(saved, config)
        workdir.check_resumable(run, changes)
    (run / SAMPLES).mkdir(parents=True, exist_ok=True)
    workdir.save_config(run, config, source.info)
    return changes


def start_state(setup: Setup, checkpoints) -> GanState:
    """Return the newest saved state, or a new one, on all devices."""
    latest = checkpoints.latest()
    if latest is None:
        state = setup.new_state()
    else:
        state = checkpoints.restore(jax.eval_shape(setup.new_state), latest)
    return parallel.replicate(state, setup.devices)


def training_loop(setup: Setup, state: GanState, journal: Journal, checkpoints, stop) -> GanState:
    """Make all calls until the end or a request to stop; save at the marks and at the end."""
    start, last = int(state.step), setup.num_steps
    call = parallel.make_call(make_train_step(setup.gan), setup.devices, setup.steps_per_call)
    dataset = resident_dataset(setup)
    journal.picture(start, state)
    with data.prefetch(batches(setup, start, on_device=dataset is not None)) as stream:
        for (first, num), batch in stream:
            state, metrics = call(state, dataset, batch, num)
            step = first + num
            journal.add(first, num, metrics)
            journal.picture(step, state)
            if stop:
                last = step
            if step == last or is_mark(step, setup.config.train.checkpoint_every):
                save(state, step, journal, checkpoints)
            if step == last:
                break
    return state


def save(state: GanState, step: int, journal: Journal, checkpoints) -> None:
    """Save a state that is known to be sound."""
    journal.catch_up()
    check_finite(state, step)
    checkpoints.save(step, state)


def check_finite(state: GanState, step: int) -> None:
    """Raise FloatingPointError unless all that would be saved can be trained on."""
    from jaxgan.checkpoint import is_finite

    if not jax.jit(is_finite)(state):
        raise FloatingPointError(
            f"a parameter or running statistic was no finite number after step {step}; the last checkpoint is good: "
            "lower config.optim.*.learning_rate and run the same command again."
        )


def is_mark(step: int, every: int) -> bool:
    """Return whether something that happens every so many steps (0: never) happens after this one."""
    return every > 0 and step % every == 0


def calls(setup: Setup, start: int) -> Iterator[tuple[int, int]]:
    """Yield (first step, number of steps) of each compiled call; none runs across a mark."""
    train = setup.config.train
    periods = [p for p in (train.log_every, train.sample_every, train.checkpoint_every) if p]
    step = start
    while step < setup.num_steps:
        marks = [setup.num_steps, *(step - step % p + p for p in periods)]
        num = min(setup.steps_per_call, min(marks) - step)
        yield step, num
        step += num


def batches(setup: Setup, start: int, *, on_device: bool) -> Iterator[tuple[tuple[int, int], object]]:
    """Yield each call and its batch, on the way to the devices: indices, or pictures and labels."""
    rule, size = setup.gan.rule, setup.config.data.batch_size
    for first, num in calls(setup, start):
        indices = setup.plan.indices(first * rule.d_steps, setup.steps_per_call * rule.d_steps)
        indices = parallel.split(indices.reshape(-1, rule.d_steps, size), len(setup.devices))
        if on_device:
            batch: object = indices.astype(np.int32)
        else:
            pixels, labels = setup.source.read(indices.ravel())
            batch = pixels.reshape(*indices.shape, *pixels.shape[1:]), labels.reshape(indices.shape)
        yield (first, num), parallel.put_batch(batch, setup.devices)


def resident_dataset(setup: Setup) -> tuple[Array, Array] | None:
    """Put the whole data set on every device if `config.data.cache` says so."""
    if data.resolve_cache(setup.config.data, setup.source.info) != "device":
        return None
    return parallel.replicate(setup.source.read(np.arange(setup.source.info.num_images)), setup.devices)


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
        self._log = report.MetricsLog(run, start)
        self._progress = report.Progress(start, setup.num_steps)
        self._pictures = Pictures(setup, run)

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind, error, trace) -> None:
        self._progress.close()
        self._log.close()
        self._pictures.close(wait_for_errors=error is None)

    def open(self, devices: list[jax.Device], changes: dict[str, tuple[object, object]]) -> None:
        """Say what runs, on what, and what changed since it was last saved."""
        say, setup = self._progress.say, self.setup
        say(report.start_text(setup.config, devices, self.run))
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
                raise FloatingPointError(
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
        self._window, self._window_start, self.logged = [], step, now
        return row

    def _learning_rates(self, step: int) -> dict[str, float]:
        rule = self.setup.gan.rule
        updates = {"g": step, "d": step * rule.d_steps * (2 if rule.d_passes == "two_steps" else 1)}
        return {f"{net}/lr": float(self.setup.schedules[net](num - 1)) for net, num in updates.items()}

    def picture(self, step: int, state: GanState) -> None:
        """Draw the fixed-latent grid, at the run's start and at its marks."""
        every = self.setup.config.train.sample_every
        if is_mark(step, every) or (every and step == 0):
            self._pictures.draw(step, state)

    def end(self, step: int, signal_number: int | None) -> None:
        """Say how the run ended and where its files are."""
        self._progress.close()
        seconds = time.monotonic() - self.began
        if signal_number is not None:
            self._progress.say(f"stopped at step {step} and saved; run the same command again to go on")
        else:
            self._progress.say(f"finished step {step} after {seconds:.1f} s of training in this process")
        self._progress.say(f"pictures, metrics and checkpoints are in {self.run}")


class Pictures:
    """Grids of the same latents over time, made on the device and written by a thread."""

    def __init__(self, setup: Setup, run: Path):
        self._setup, self._folder = setup, run / SAMPLES
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._written: list[Future] = []
        self._generate = jax.jit(lambda params, z, labels: images.to_uint8(sampling.generate(params, z, labels)))

    def draw(self, step: int, state: GanState) -> None:
        """Start making the grid of a state."""
        params = generator_params(self._setup.gan, state.ema)
        pixels = self._generate(params, *fixed_latents(params, self._setup.config))
        self._written.append(self._thread.submit(self._write, self._folder / f"step_{step:08d}.png", pixels))

    def _write(self, path: Path, pixels: Array) -> None:
        shown = self._setup.config.sample
        grid = images.grid(np.asarray(pixels), shown.columns)
        images.save(path, images.invert(grid) if shown.invert else grid)

    def close(self, *, wait_for_errors: bool) -> None:
        """Finish writing; raise what went wrong in the thread, if nothing else did."""
        self._thread.shutdown()
        for future in self._written if wait_for_errors else []:
            future.result()


def fixed_latents(params: GeneratorParams, config: ConfigDict) -> tuple[Array, Array | None]:
    """Return the latents of a run's grid, and labels class by class for a conditional GAN."""
    num = config.sample.num
    z = sampling.latents(params, keys.stream(config.seed, keys.Stream.SAMPLE), num)
    if params.num_classes is None:
        return z, None
    return z, jnp.arange(num) // math.ceil(num / params.num_classes)
