"""The compiled calls of a run: which steps each makes, on which images."""

from __future__ import annotations

from collections.abc import Iterator

import jax
import numpy as np

from jaxgan import data
from jaxgan.runs.setup import Setup
from jaxgan.training import parallel
from jaxgan.training.step import make_train_step


def make_steps(setup: Setup, start: int) -> parallel.CompiledSteps:
    """Return the steps of a run; if any are left to make, they are compiled while the state is made."""
    dataset = resident_dataset(setup)
    steps = parallel.CompiledSteps(make_train_step(setup.gan), setup.devices, setup.steps_per_call, dataset)
    if start < setup.num_steps:
        steps.compile(setup.state_shapes, batch_shapes(setup, on_device=dataset is not None))
    return steps


def calls(setup: Setup, start: int) -> Iterator[tuple[int, int]]:
    """Yield (first step, number of steps) of each compiled call; none runs across a step where something is due."""
    train = setup.config.train
    periods = [p for p in (train.log_every, train.sample_every, train.checkpoint_every, setup.config.eval.every) if p]
    step = start
    while step < setup.num_steps:
        due = [setup.num_steps, *(step - step % p + p for p in periods)]
        num = min(setup.steps_per_call, min(due) - step)
        yield step, num
        step += num


def batches(setup: Setup, start: int, *, on_device: bool) -> Iterator[tuple[tuple[int, int], object]]:
    """Yield each call and its batch, on the way to the devices: indices, or images and labels."""
    for first, num in calls(setup, start):
        batch = put(setup, indices_of(setup, first), on_device=on_device)
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
    batch = pixels.reshape(*indices.shape, *pixels.shape[1:]), labels.reshape(indices.shape)
    del pixels, labels  # or one batch more is alive while this one waits
    return parallel.put_batch(batch, setup.devices)


def batch_shapes(setup: Setup, *, on_device: bool, replicas: tuple[int, ...] = ()) -> object:
    """Return what a call takes, as shapes; `replicas` is an axis more after that of the steps."""
    d_steps, num_devices = setup.gan.rule.d_steps, len(setup.devices)
    lead = num_devices, setup.steps_per_call, *replicas, d_steps, setup.config.data.batch_size // num_devices
    per_image = jax.ShapeDtypeStruct(lead, np.int32)
    if on_device:
        return per_image
    return jax.ShapeDtypeStruct((*lead, *setup.source.info.image_shape), np.uint8), per_image


def resident_dataset(setup: Setup) -> data.Resident | None:
    """Put the whole data set on every device if `config.data.cache` says so."""
    resident = data.resident(setup.config.data, setup.source)
    return None if resident is None else parallel.replicate(resident, setup.devices)
