"""Training runs: from a configuration and a folder to checkpoints, pictures and metrics."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np

from jaxgan import config as config_lib
from jaxgan import data
from jaxgan.base import machine
from jaxgan.base.checks import NotFinite
from jaxgan.base.types import Array, Config, Source
from jaxgan.runs import folder, progress
from jaxgan.runs.interrupt import StopRequest, catch_stop
from jaxgan.runs.journal import Journal, is_mark
from jaxgan.runs.setup import Setup, create_setup
from jaxgan.training import parallel
from jaxgan.training.state import GanState
from jaxgan.training.step import make_train_step


def train(config: Config, run: str | Path) -> GanState:
    """Train a GAN, or go on with a run that was stopped.

    Freed memory stays with the process from here on (`jaxgan.keep_memory`).

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
    machine.keep_memory()
    run = Path(run)
    devices = parallel.choose_devices(config.train.num_devices, config.data.batch_size)
    source = data.open_source(config.data)
    setup = create_setup(config, source, devices)
    changes = prepare_folder(run, config, source)
    print(progress.start_text(config, devices, run), file=sys.stderr, flush=True)
    # Orbax takes a second to import, which `import jaxgan` should not.
    from jaxgan.runs.checkpoint import Checkpoints

    with Checkpoints(run, keep=config.train.keep_checkpoints) as checkpoints, catch_stop() as stop:
        latest = checkpoints.latest()
        call = make_call(setup, latest or 0)
        state = start_state(setup, checkpoints, latest)
        with Journal(setup, run, int(state.step)) as journal:
            journal.open(changes)
            state = training_loop(setup, state, call, journal, checkpoints, stop)
            checkpoints.wait()
            journal.end(int(state.step), stop)
    return state


def prepare_folder(run: Path, config: Config, source: Source) -> dict[str, tuple[object, object]]:
    """Write config.json and return what differs from the one that was there; ValueError if that cannot resume."""
    changes = {}
    if (run / folder.CONFIG_FILE).exists():
        saved, _ = folder.load_config(run)
        changes = folder.differences(saved, config)
        folder.check_resumable(run, changes)
    (run / folder.SAMPLES).mkdir(parents=True, exist_ok=True)
    folder.save_config(run, config, source.info)
    return changes


def make_call(setup: Setup, start: int) -> parallel.Call:
    """Return the steps of a run; if any are left to make, they are compiled while the state is made."""
    dataset = resident_dataset(setup)
    call = parallel.Call(make_train_step(setup.gan), setup.devices, setup.steps_per_call, dataset)
    if start < setup.num_steps:
        call.compile(setup.state_shapes, batch_shapes(setup, on_device=dataset is not None))
    return call


def start_state(setup: Setup, checkpoints, latest: int | None) -> GanState:
    """Return the newest saved state, or a new one, on all devices."""
    state = setup.new_state() if latest is None else checkpoints.restore(setup.state_shapes, latest)
    return parallel.replicate(state, setup.devices)


def training_loop(
    setup: Setup, state: GanState, call: parallel.Call, journal: Journal, checkpoints, stop: StopRequest
) -> GanState:
    """Make all calls until the end or a request to stop; save at the marks and at the end."""
    start, last = int(state.step), setup.num_steps
    journal.picture(start, state)
    with data.prefetch(batches(setup, start, on_device=call.dataset is not None)) as stream:
        for (first, num), batch in stream:
            state, metrics = call(state, batch, num)
            step = first + num
            journal.add(first, num, metrics)
            journal.picture(step, state)
            if stop or journal.stalled:
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
    from jaxgan.runs.checkpoint import is_finite

    if not jax.jit(is_finite, compiler_options=machine.compiler_options(seldom=True))(state):
        raise NotFinite(
            f"a parameter or running statistic was no finite number after step {step}; the last checkpoint is good: "
            "lower config.optim.*.learning_rate and run the same command again."
        )


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


def batch_shapes(setup: Setup, *, on_device: bool) -> object:
    """Return what `batches` yields for each call, as shapes."""
    d_steps, num_devices = setup.gan.rule.d_steps, len(setup.devices)
    lead = num_devices, setup.steps_per_call, d_steps, setup.config.data.batch_size // num_devices
    per_picture = jax.ShapeDtypeStruct(lead, np.int32)
    if on_device:
        return per_picture
    return jax.ShapeDtypeStruct((*lead, *setup.source.info.image_shape), np.uint8), per_picture


def resident_dataset(setup: Setup) -> tuple[Array, Array] | None:
    """Put the whole data set on every device if `config.data.cache` says so."""
    if data.resolve_cache(setup.config.data, setup.source.info) != "device":
        return None
    return parallel.replicate(setup.source.read(np.arange(setup.source.info.num_images)), setup.devices)
