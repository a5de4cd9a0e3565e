"""The images of each compiled call, on their way to the devices, and the program that takes them."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np

from jaxgan import data
from jaxgan.base.settings import get
from jaxgan.rundir import sweep
from jaxgan.runs.setup import Plan, Setup
from jaxgan.training import parallel
from jaxgan.training.many_seeds import join, make_step_of_all, optimiser_maker


def make_steps(plan: Plan, *, compile_now: bool = True) -> parallel.CompiledSteps:
    """Return the training steps of all runs; a thread compiles them from here on."""
    shared = plan.shared
    values = {path: np.asarray([get(one.config, path) for one in plan.setups]) for path in sweep.lists(plan.config)}
    g, d = (optimiser_maker(shared.config.optim[net], net, *shared.optimiser_parts[net]) for net in ("g", "d"))
    step, dataset = make_step_of_all(shared.gan, g, d, values), resident_dataset(shared)
    steps = parallel.CompiledSteps(step, shared.devices, shared.steps_per_call, dataset)
    if compile_now:
        shapes = jax.eval_shape(join, [shared.state_shapes for _ in plan.setups])
        steps.compile(shapes, batch_shapes(plan.setups, on_device=dataset is not None))
    return steps


def batches(setups: list[Setup], start: int, end: int, *, on_device: bool) -> Iterator[tuple[tuple[int, int], object]]:
    """Yield each call and its batch, on the way to the devices: indices, or images and labels."""
    for first, num in setups[0].schedule.calls(start, end):
        indices = np.stack([indices_of(setup, first) for setup in setups], axis=2)
        batch = put(setups[0], indices, on_device=on_device)
        yield (first, num), batch
        del batch


def indices_of(setup: Setup, first: int) -> np.ndarray:
    """Return int[D, S, d_steps, B / D], the images of the call from step `first` on, for this process's devices."""
    rule, size = setup.gan.rule, setup.config.data.batch_size
    indices = setup.plan.indices(first * rule.d_steps, setup.steps_per_call * rule.d_steps)
    indices = parallel.split(indices.reshape(-1, rule.d_steps, size), len(setup.devices))
    return indices[parallel.own_rows(setup.devices)]


def put(setup: Setup, indices: np.ndarray, *, on_device: bool) -> object:
    """Put on the devices what a call takes: indices of any shape [D, S, ...], or their images and labels."""
    if on_device:
        return parallel.put_batch(indices.astype(np.int32), setup.devices)
    pixels, labels = setup.source.read(indices.ravel())
    batch = tuple(array.reshape(*indices.shape, *array.shape[1:]) for array in (pixels, labels))
    del pixels, labels  # or one batch more is alive while this one waits
    return parallel.put_batch(batch, setup.devices)


def batch_shapes(setups: list[Setup], *, on_device: bool) -> object:
    """Return what a call takes, as shapes; [D, S, R, d_steps, B / D] for R runs."""
    setup = setups[0]
    num_devices, batch_size = len(setup.devices), setup.config.data.batch_size // len(setup.devices)
    lead = num_devices, setup.steps_per_call, len(setups), setup.gan.rule.d_steps, batch_size
    if on_device:
        return jax.ShapeDtypeStruct(lead, np.int32)
    info = setup.source.info
    labels = jax.ShapeDtypeStruct((*lead, *info.label.shape), info.label.dtype)
    return jax.ShapeDtypeStruct((*lead, *info.image_shape), info.pixel_dtype), labels


def resident_dataset(setup: Setup) -> data.Resident | None:
    """Put the whole data set on every device if `config.data.cache` says so."""
    resident = data.resident(setup.config.data, setup.source)
    return None if resident is None else parallel.replicate(resident, setup.devices)
