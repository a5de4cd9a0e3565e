"""Where the step meets the devices: the one file that uses `pmap`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import axis, keys, machine, threads
from jaxgan.base.checks import UserError
from jaxgan.base.processes import num_processes
from jaxgan.base.types import Array, Device, PyTree

Step = Callable[[PyTree, Array, Array], tuple[PyTree, dict[str, Array]]]


def choose_devices(num_devices: int, batch_size: int) -> list[Device]:
    """Return the devices to train on, all of the job for 0.

    Raises:
      ValueError: there are not so many, or the batch does not divide among them.
    """
    found = jax.devices()
    if num_devices > len(found):
        raise UserError(
            f"config.train.num_devices is {num_devices}, but there are {len(found)} {found[0].platform} devices; "
            f"set it to at most {len(found)}."
        )
    devices = found[: num_devices or len(found)]
    if not is_even(devices):
        raise UserError(
            f"config.train.num_devices is {num_devices}, which gives the {num_processes()} processes unequal numbers "
            f"of devices; set it to 0 for all {len(found)}."
        )
    if batch_size % len(devices):
        raise UserError(
            f"config.data.batch_size is {batch_size}, which does not divide among {len(devices)} devices; "
            "use a multiple of the number of devices, or set config.train.num_devices."
        )
    return devices


def is_even(devices: Sequence[Device]) -> bool:
    """Return whether each process of the job has as many of the devices."""
    counts = [[device.process_index for device in devices].count(number) for number in range(num_processes())]
    return min(counts) == max(counts)


class CompiledSteps:
    """Up to `steps_per_call` training steps on all devices, as one compiled program.

    A call takes (state, batch, num) and returns the state after `num` steps and metrics float32[steps_per_call], of
    which the first `num` are filled. `batch` has a leading axis for the devices and one for the steps: indices
    int32[D, S, d_steps, B / D] into the data set, or (images, labels) of the same shape. The state is donated. All
    calls take arrays of the same shapes on the same devices. One program serves every `num`, so a resumed run rounds
    as an unbroken one.

    Attributes:
      dataset: None, or the whole data set (images uint8[N, H, W, C], labels int32[N]) on every device.
      metric_names: names of the metrics, known once traced.
    """

    def __init__(self, step: Step, devices: Sequence[Device], steps_per_call: int, dataset: PyTree = None):
        self.dataset = dataset
        self._devices = devices
        self._mapped = jax.pmap(
            _several(step, steps_per_call),
            axis_name=axis.NAME,
            in_axes=(None, None, 0, None),
            out_axes=(None, None),
            donate_argnums=(0,),
            devices=list(devices),
        )
        self.metric_names: list[str] = []
        self._program: Future | None = None

    def compile(self, state: PyTree, batch: PyTree) -> Future:
        """Trace the steps, and begin to compile them in a thread.

        Args:
          state: of the calls to come, or its shapes.
          batch: likewise.
        """
        examples = _shapes if num_processes() == 1 else _zeros
        state, batch = examples(state, _everywhere(self._devices)), examples(batch, _shared_out(self._devices))
        lowered = self._mapped.lower(state, self.dataset, batch, 0)
        self.metric_names = sorted(lowered.out_info[1])
        self._program = threads.start("compile", lowered.compile, machine.compiler_options())
        return self._program

    def is_compiled(self) -> bool:
        """Return whether a call would start at once; raises what went wrong while compiling."""
        if self._program is None or not self._program.done():
            return self._program is None
        self._program.result()
        return True

    def __call__(self, state: PyTree, batch: PyTree, num: int) -> tuple[PyTree, dict[str, Array]]:
        """Make `num` steps; compiles first, or waits for that."""
        program = self._program or self.compile(state, batch)
        return program.result()(state, self.dataset, batch, num)


def _several(step: Step, steps_per_call: int) -> Callable:
    """Return the function of `CompiledSteps`, on one device."""

    @functools.partial(jax.jit, inline=True)  # so that a loop, which asks for the shapes first, traces it once
    def one(state, dataset, batch):
        images, labels = batch if dataset is None else dataset.take(batch)
        return step(state, images, labels)

    def single(state, dataset, batch, num):
        del num
        state, metrics = one(state, dataset, jax.tree.map(lambda x: x[0], batch))
        return state, jax.tree.map(lambda x: x[None], metrics)

    def loop(state, dataset, batch, num):
        shapes = jax.eval_shape(one, state, dataset, jax.tree.map(lambda x: x[0], batch))[1]
        metrics = jax.tree.map(lambda x: jnp.zeros((steps_per_call, *x.shape), x.dtype), shapes)

        def body(i, carry):
            state, metrics = carry
            state, new = one(state, dataset, jax.tree.map(lambda x: x[i], batch))
            return state, jax.tree.map(lambda all_, x: all_.at[i].set(x), metrics, new)

        return jax.lax.fori_loop(0, num, body, (state, metrics))

    return single if steps_per_call == 1 else loop


def split(indices: np.ndarray, num_devices: int) -> np.ndarray:
    """Share rows among devices: int[S, d_steps, B] -> int[D, S, d_steps, B / D]."""
    shares = np.stack(np.split(indices, num_devices, axis=-1))
    return np.ascontiguousarray(shares)


def own_rows(devices: Sequence[Device]) -> slice:
    """Return which of the devices, in their order, are those of this process."""
    mine = [i for i, device in enumerate(devices) if device.process_index == jax.process_index()]
    return slice(mine[0], mine[-1] + 1)


def put_batch(batch: PyTree, devices: Sequence[Device]) -> PyTree:
    """Start the transfer of a batch whose leading axis is the devices of this process."""
    if num_processes() == 1:
        return jax.device_put(batch, _shared_out(devices))
    return jax.tree.map(lambda x: jax.make_array_from_process_local_data(_shared_out(devices), x), batch)


def replicate(tree: PyTree, devices: Sequence[Device]) -> PyTree:
    """Put a copy of every leaf on every device; all processes have the same leaves."""
    place = _everywhere(devices)
    if num_processes() == 1:
        return jax.device_put(tree, place)
    return jax.tree.map(lambda x: _put(x, place), tree)


def local(tree: PyTree) -> PyTree:
    """Return this process's copy of what lies on every device, so that it can work with it alone."""
    if num_processes() == 1:
        return tree
    return jax.tree.map(functools.partial(keys.on_numbers, lambda x: x.addressable_data(0)), tree)


def _put(x: Array | np.ndarray, place: jax.NamedSharding) -> Array:
    return keys.on_numbers(lambda x: jax.make_array_from_process_local_data(place, np.asarray(x)), x)


def _shapes(tree: PyTree, place: jax.NamedSharding) -> PyTree:
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), tree)


def _zeros(tree: PyTree, place: jax.NamedSharding) -> PyTree:
    """Make arrays of some shapes, for with several processes `pmap` traces those only."""

    def zeros(x: jax.ShapeDtypeStruct) -> Array:
        if keys.is_key(x):
            return _put(jax.random.key(0), place)
        return jax.make_array_from_callback(x.shape, place, lambda rows: np.zeros(place.shard_shape(x.shape), x.dtype))

    return jax.tree.map(zeros, tree)


def _shared_out(devices: Sequence[Device]) -> jax.NamedSharding:
    return jax.NamedSharding(_mesh(devices), jax.P(axis.NAME))


def _everywhere(devices: Sequence[Device]) -> jax.NamedSharding:
    return jax.NamedSharding(_mesh(devices), jax.P())


def _mesh(devices: Sequence[Device]) -> jax.sharding.Mesh:
    # The mesh that pmap's results lie on: the program takes its arguments on no other.
    return jax.sharding.Mesh(np.asarray(devices), (axis.NAME,))
