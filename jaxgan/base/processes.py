"""Several processes as one job: each runs the same program, and process 0 alone has the run's folder.

JAX joins the processes, computes with them and ends those that have lost one. It leaves to its users what stands here:

- It ends a process by SIGABRT, past every `finally`, so the error message is printed by a handler in C.
- An error in one process would wait at the interpreter's exit for the others, who wait in a collective: `end_at_once`.
- The first collective over some devices waits 30 s only, whatever the timeouts are: `join` makes it at once.
- Two jobs on one port of a machine can mix: `agree` compares their settings before anything is computed.
- A process that ends early ends the others, too: `together` makes all meet at the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NoReturn, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from flax.serialization import msgpack_restore, msgpack_serialize
from jax.experimental import multihost_utils

from jaxgan.base import keys
from jaxgan.base.checks import UserError, brief
from jaxgan.base.terminal import printable, write_line
from jaxgan.base.types import PyTree

T = TypeVar("T")

PATIENCE = 300  # seconds to wait for the other processes at the start
HEARTBEAT = 30  # seconds without a sign of life after which JAX ends the other processes
LOST = (
    "another process of this job ended or does not answer; start all of them again to go on from the last checkpoint."
)
UNJOINED = "the other processes of this job did not answer; start all of them within minutes."

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)
_at_abort = b""


class Lost(UserError):
    """Another process of the job is gone."""

    def __init__(self):
        super().__init__(LOST)


class KnownToAll(UserError):
    """An error that all processes raise together. Process 0 reports it; in the others it has no text."""


def join(coordinator: str | None = None, num_processes: int | None = None, process_id: int | None = None) -> None:
    """Join the other processes of one job, before anything is computed.

    What is not given is taken from the environment, as JAX knows SLURM, Open MPI, Kubernetes and TPU pods.

    Args:
      coordinator: HOST:PORT that process 0 listens on.
      num_processes: of the job.
      process_id: number of this one, from 0.

    Raises:
      UserError: impossible numbers, or an environment that does not name the processes.
    """
    if coordinator is not None and not coordinator.rpartition(":")[2].isdecimal():
        raise UserError(f"--coordinator is {coordinator!r}; expected HOST:PORT, such as localhost:4321.")
    if num_processes is not None and process_id is not None and not 0 <= process_id < num_processes:
        raise UserError(f"--process_id is {process_id}; expected a number from 0 to {num_processes - 1}.")
    jax.config.update("jax_enable_preemption_service", False)  # it would take SIGTERM, at which a run saves
    # Given by hand, nothing else is to be asked: schedulers that JAX knows would choose devices, too.
    by_hand = None not in (coordinator, num_processes, process_id)
    report_at_abort(UNJOINED)
    try:
        with _interruptible():
            jax.distributed.initialize(
                coordinator,
                num_processes,
                process_id,
                heartbeat_timeout_seconds=HEARTBEAT,
                initialization_timeout=PATIENCE,
                cluster_detection_method="deactivate" if by_hand else None,
            )
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"the processes of this job could not be joined ({brief(error)}); give each --coordinator=HOST:PORT of "
            "process 0, --num_processes and its --process_id, or start them by a scheduler that JAX knows."
        ) from error
    report_at_abort(LOST)
    multihost_utils.sync_global_devices("joined")


@_HANDLER
def _end(number: int) -> None:
    del number
    os.write(2, _at_abort)
    os._exit(1)


def report_at_abort(text: str) -> None:
    """From now on end with this error message and status 1 where a library aborts the process (SIGABRT)."""
    global _at_abort
    _at_abort = f"error: {text}\n".encode()
    # Python's own handlers run between two of its instructions, to which an abort never returns.
    ctypes.CDLL(None).signal(signal.SIGABRT, _end)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C end the process at once while a library waits inside the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def joined() -> bool:
    """Return whether this process has joined others; asks no device."""
    return jax.distributed.is_initialized()


def leave() -> None:
    """Wait for the other processes and leave the job, if there is one."""
    if joined():
        jax.distributed.shutdown()


def end_at_once(error: BaseException) -> NoReturn:
    """Print an error message and end; the others notice."""
    write_line(f"error: {printable(' '.join(str(Lost() if is_loss(error) else error).split()))}", sys.stderr)
    os._exit(1)


def is_loss(error: BaseException | None) -> bool:
    """Return whether an error is what computing with a process that is gone raises."""
    words = "Gloo", "NCCL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "coordination service"
    kinds = jax.errors.JaxRuntimeError, ValueError
    return isinstance(error, kinds) and not isinstance(error, UserError) and any(w in str(error) for w in words)


@contextlib.contextmanager
def together() -> Iterator[None]:
    """Let all processes leave the block at the same time; raise Lost where one of them is gone."""
    try:
        yield
        if num_processes() > 1:
            multihost_utils.sync_global_devices("the end")
    except Exception as error:
        if num_processes() > 1 and is_loss(error):
            raise Lost from error
        raise


def num_processes() -> int:
    """Return the number of processes of the job, 1 for one that is alone, which asks no device."""
    return jax.process_count() if joined() else 1


def leads() -> bool:
    """Return whether this process is the one that has the run's folder."""
    return not joined() or jax.process_index() == 0


def gather(values: Sequence[int | bool]) -> np.ndarray:
    """Return the int32[N] of each process, as int32[P, N]; all must call it."""
    row = np.asarray(values, np.int32)
    return np.asarray(multihost_utils.process_allgather(row)) if num_processes() > 1 else row[None]


def gather_bytes(value: bytes) -> list[bytes]:
    """Return the bytes of all processes, in their order; all must call it."""
    if num_processes() == 1:
        return [value]
    sizes = gather([len(value)])[:, 0].tolist()
    row = np.zeros(max(sizes), np.uint8)
    row[: len(value)] = np.frombuffer(value, np.uint8)
    rows = np.asarray(multihost_utils.process_allgather(row))
    return [bytes(one[:size]) for one, size in zip(rows, sizes, strict=True)]


def from_first(tree: PyTree) -> PyTree:
    """Return the arrays of process 0 in all processes; all must call it.

    Args:
      tree: arrays, or in the other processes their shapes; NumPy arrays come back, and random keys.
    """
    if num_processes() == 1:
        return tree
    leaves, structure = jax.tree.flatten(tree)
    like = [_blank(leaf) if isinstance(leaf, jax.ShapeDtypeStruct) else keys.as_numpy(leaf) for leaf in leaves]
    # As bytes: what sends numbers adds zeros to them, which turns -0 into 0.
    sent = multihost_utils.broadcast_one_to_all([np.frombuffer(x.tobytes(), np.uint8) for x in like])
    back = [_from_bytes(np.asarray(x).tobytes(), *which) for x, *which in zip(sent, like, leaves, strict=True)]
    return jax.tree.unflatten(structure, back)


def _from_bytes(content: bytes, like: np.ndarray, leaf: Any) -> Any:
    array = np.frombuffer(content, like.dtype).reshape(like.shape)
    return jax.random.wrap_key_data(jnp.asarray(array)) if keys.is_key(leaf) else array


def _blank(shape: jax.ShapeDtypeStruct) -> np.ndarray:
    return keys.as_numpy(jax.random.key(0)) if keys.is_key(shape) else np.zeros(shape.shape, shape.dtype)


def agree(prepare: Callable[[], T], describe: Callable[[T], str]) -> T:
    """Call a function in all processes, and see that all have the same.

    Args:
      prepare: makes what this process needs.
      describe: returns what must be the same everywhere, a line of name=value for each fact.

    Raises:
      KnownToAll: it failed in one of them, or they do not have the same.
    """
    if num_processes() == 1:
        return prepare()
    made: Any = None
    text, caught = "", None
    try:
        made = prepare()
        text = "=" + describe(made)
    except (UserError, OSError, MemoryError) as error:
        text, caught = "!" + " ".join(str(error).split()), error
    texts = [one.decode(errors="replace") for one in gather_bytes(text.encode())]
    if caught is None and len(set(texts)) == 1:
        return made
    raise KnownToAll((str(caught) if caught else _disagreement(texts)) if leads() else "") from caught


def _disagreement(texts: Sequence[str]) -> str:
    """Name the process that cannot begin, or the fact in which it differs from process 0."""
    for number, one in enumerate(texts):
        if one.startswith("!"):
            return f"process {number} cannot begin: {one[1:]}"
    other = next(number for number, one in enumerate(texts) if one != texts[0])
    ours, theirs = (dict(fact.split("=", 1) for fact in texts[number][1:].splitlines()) for number in (0, other))
    name = next((name for name in ours if theirs.get(name) != ours[name]), "something")
    return f"process {other} has {name} {theirs.get(name)}, but process 0 has {ours.get(name)}; give all the same."


def spread(function: Callable[[Any], tuple], items: Sequence[Any]) -> Iterator[list[np.ndarray | None]]:
    """Call a function for each item as `map` does, sharing out the calls; all processes must use all results.

    Process p takes items p, p + P, and so on. P results at a time are on the wire, so that memory stays bounded.

    Args:
      function: returns a tuple of arrays, and None in place of some.
      items: the same in all processes.

    Raises:
      UserError: the function failed in one of them, in all.
    """
    size, own = num_processes(), jax.process_index()
    for first in range(0, len(items), size):
        mine = _outcome(function, items[first + own]) if first + own < len(items) else b""
        for number, result in enumerate(gather_bytes(mine)):
            if result:
                good, *values = msgpack_restore(result)
                if not good:
                    raise UserError(f"process {number}: {values[0]}")
                yield values


def _outcome(function: Callable[[Any], tuple], item: Any) -> bytes:
    """Return what a call makes, or the text of its error: the others wait to hear of either."""
    try:
        return msgpack_serialize([True, *(None if made is None else np.asarray(made) for made in function(item))])
    except Exception as error:
        return msgpack_serialize([False, brief(error)])
