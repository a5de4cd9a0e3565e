"""Several processes as one run: process 0 leads, the others follow.

The leader alone has the run's folder: it reads and writes checkpoints, metrics and images, and decides when a run
ends or goes back. The others make the same training steps on their shares of each batch, and their shares of what is
scored, and learn before each of these what comes. A single process leads nobody.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

import jax
import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.base.keys import as_numpy, is_key
from jaxgan.runs.evaluate import Evaluator
from jaxgan.runs.processes import peers
from jaxgan.runs.processes.peers import Lost
from jaxgan.runs.processes.shares import spread
from jaxgan.runs.signals import StopRequest
from jaxgan.training import parallel
from jaxgan.training.state import GanState

T = TypeVar("T")

GO, END, IMAGES, FEATURES = range(4)  # what the leader says before each call, and before work that is shared out
FINISHED, FAILED = -1, -2  # and instead of a step to begin at
ASKED = 1  # what a follower says where somebody asked it to stop


class Dismissed(UserError):
    """The leader ended the run and said why; nothing is left to say here."""

    def __init__(self):
        super().__init__("process 0 ended this run; it says why.")


class Team:
    """The processes of a job, as each of them sees the others; use it as a context manager."""

    def __init__(self):
        peers.watch()
        self.size, self.leads = parallel.num_processes(), parallel.leads()
        self._agreed = self._alike = False

    def __enter__(self) -> Team:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if self.size == 1:
            return
        if is_loss(error):
            raise Lost("another process") from error
        if self.leads and self._agreed and may_tell(error):
            exchange(FINISHED if error is None else FAILED)
            if error is not None:
                mark_told(error)

    def agree(self, prepare: Callable[[], T], describe: Callable[[T], str]) -> T:
        """Call a function in all processes, and see that all have the same.

        Args:
          prepare: makes what is needed to begin.
          describe: says of it what must be the same everywhere.

        Raises:
          UserError: it fails in this process, or, to the leader, in another, or they do not have the same.
          Dismissed: to a follower, where the leader says so.
        """
        if self.size == 1:
            return prepare()
        if not parallel.is_even(jax.devices()):
            raise UserError("the processes of this job have unequal numbers of devices; give each as many.")
        made, sentence, error = None, "", None
        try:
            made = prepare()
            sentence = "=" + describe(made)
        except Exception as caught:  # of any kind: the others wait to hear of it
            sentence, error = "!" + " ".join(str(caught).split()), caught
        said = say_all(sentence)
        if all(one == said[0] for one in said) and made is not None:
            self._agreed = True
            return made
        if not self.leads:
            raise Dismissed
        raise mark_told(error or UserError(disagreement(said)))

    def start(self, state: GanState, evaluator: Evaluator | None = None) -> None:
        """Let the others begin with a state, and find the features that it will be scored with."""
        if self.size > 1:
            exchange(int(state.step))
            share(state)
            if evaluator is not None:
                net = evaluator.reference.net
                say_all(json.dumps([evaluator.data_digest, evaluator.class_counts]))
                self._alike = len(set(say_all(net.digest if net else ""))) == 1

    def share(self, evaluator: Evaluator) -> Evaluator:
        """Return an evaluator that the others help, in a run that has others."""
        if self.size == 1:
            return evaluator
        make, look = (functools.partial(self._spread, kind) for kind in (IMAGES, FEATURES))
        return dataclasses.replace(evaluator, make=make, look=look)

    def _spread(self, kind: int, function: Callable[[Any], Any], items: Sequence[Any]) -> Iterable[Any]:
        if kind == FEATURES and not self._alike:
            return map(function, items)
        exchange(kind)
        return spread(function, items)

    @contextlib.contextmanager
    def lead(self) -> Iterator[None]:
        """Let the others stop at the end of the block, unless it ends by an error that leaves them in a step."""
        try:
            yield
        except BaseException as error:
            if self.size > 1 and may_tell(error):
                exchange(END)
            raise
        if self.size > 1:
            exchange(END)

    def go_on(self, stop: StopRequest) -> None:
        """Tell the others that a call follows, and take up a request to stop that one of them got."""
        if self.size > 1 and (exchange(GO)[1:] == ASKED).any() and not stop:
            stop.signal = signal.SIGTERM

    def hear(self, stop: StopRequest) -> int:
        """Return, in a follower, what the leader says, and pass on a request to stop."""
        return int(exchange(ASKED if stop else 0)[0])

    def begin(self) -> int | None:
        """Return, in a follower, the step to begin at, or None when the run is over.

        Raises:
          Dismissed: it failed.
        """
        start = int(exchange(0)[0])
        if start == FAILED:
            raise Dismissed
        return None if start == FINISHED else start


def say_all(text: str) -> list[str]:
    """Return what each process says; all must call it."""
    return [said.decode(errors="replace") for said in parallel.gather_bytes(text.encode())]


def disagreement(said: list[str]) -> str:
    """Say which process cannot begin, or begins with something else than the leader."""
    for number, one in enumerate(said):
        if one.startswith("!"):
            return f"process {number} cannot begin: {one[1:]}"
    other = next(number for number, one in enumerate(said) if one != said[0])
    ours, theirs = (dict(fact.split("=", 1) for fact in said[number][1:].splitlines()) for number in (0, other))
    name = next((name for name in ours if theirs.get(name) != ours[name]), "something")
    return f"process {other} has {name} {theirs.get(name)}, but process 0 has {ours.get(name)}; give all the same."


def may_tell(error: BaseException | None) -> bool:
    """Return whether the others still listen: they do not inside a step, which Ctrl-C or a full memory breaks off."""
    return (
        not is_loss(error)
        and not isinstance(error, jax.errors.JaxRuntimeError)
        and (error is None or isinstance(error, Exception))
    )


def mark_told(error: BaseException) -> BaseException:
    """Note on an error that the other processes know of it, and end by themselves."""
    error.told = True  # type: ignore[attr-defined]
    return error


def exchange(number: int) -> np.ndarray:
    """Return the numbers that all processes give, in their order; all must call it."""
    return parallel.gather(np.asarray(number, np.int32))


def share(state: GanState | None, template: GanState | None = None) -> GanState:
    """Return the leader's state in all processes: the leader gives it, the others its shapes."""

    def bare(x) -> np.ndarray:
        if isinstance(x, jax.ShapeDtypeStruct):
            x = jax.random.key(0) if is_key(x) else np.zeros(x.shape, x.dtype)
        return as_numpy(x)

    like = template if state is None else state
    sent = parallel.from_leader(jax.tree.map(bare, like))
    return jax.tree.map(lambda x, y: jax.random.wrap_key_data(y) if is_key(x) else y, like, sent)


def is_loss(error: BaseException | None) -> bool:
    """Return whether an error is what computing with a process that is gone raises."""
    if isinstance(error, Lost):
        return True
    words = "Gloo", "NCCL", "UNAVAILABLE", "DEADLINE_EXCEEDED", "coordination service"
    kinds = jax.errors.JaxRuntimeError, ValueError
    return isinstance(error, kinds) and not isinstance(error, UserError) and any(w in str(error) for w in words)
