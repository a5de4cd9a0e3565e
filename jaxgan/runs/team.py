"""Several processes as one run: process 0 leads, the others follow.

The leader alone has the run's folder: it reads and writes checkpoints, metrics and pictures, and decides when a run
ends or goes back. The others make the same training steps on their shares of each batch, and learn before each call
whether there is one. A single process leads nobody.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import TypeVar

import jax
import numpy as np

from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.base.keys import as_numpy, is_key
from jaxgan.runs import peers
from jaxgan.runs.calls import batches, make_steps
from jaxgan.runs.interrupt import StopRequest
from jaxgan.runs.peers import Lost
from jaxgan.runs.setup import Setup
from jaxgan.training import parallel
from jaxgan.training.state import GanState

T = TypeVar("T")

GO, END = 0, 1  # what the leader says before each call
FINISHED, FAILED = -1, -2  # and instead of a step to begin at
ASKED = 1  # what a follower says where somebody asked it to stop
MAX_SENTENCE = 16_384  # bytes of what a process says before it begins


class Dismissed(UserError):
    """The leader ended the run and said why; nothing is left to say here."""

    def __init__(self):
        super().__init__("process 0 ended this run; it says why.")


class Team:
    """The processes of a job, as each of them sees the others; use it as a context manager."""

    def __init__(self):
        peers.watch()
        self.size, self.leads = parallel.num_processes(), parallel.leads()
        self._agreed = False

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
        row = np.zeros(MAX_SENTENCE, np.uint8)
        row[: len(sentence.encode()[:MAX_SENTENCE])] = list(sentence.encode()[:MAX_SENTENCE])
        said = [bytes(row).rstrip(b"\0").decode(errors="replace") for row in parallel.gather(row)]
        if all(one == said[0] for one in said) and made is not None:
            self._agreed = True
            return made
        if not self.leads:
            raise Dismissed
        raise mark_told(error or UserError(disagreement(said)))

    def start(self, state: GanState) -> None:
        """Let the others begin with a state."""
        if self.size > 1:
            exchange(int(state.step))
            share(state)

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

    def hear(self, stop: StopRequest) -> bool:
        """Return, in a follower, whether a call follows, and pass on a request to stop."""
        return exchange(ASKED if stop else 0)[0] == GO

    def begin(self) -> int | None:
        """Return, in a follower, the step to begin at, or None when the run is over.

        Raises:
          Dismissed: it failed.
        """
        start = int(exchange(0)[0])
        if start == FAILED:
            raise Dismissed
        return None if start == FINISHED else start


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


def follow(setup: Setup, team: Team, stop: StopRequest) -> GanState:
    """Make the steps that the leader makes, until it ends the run; return the last state.

    Raises:
      Dismissed: the leader ended it by an error.
    """
    steps, everywhere = make_steps(setup, 0), None
    while (start := team.begin()) is not None:
        del everywhere  # of a run that goes back, or two would be in memory
        everywhere = parallel.replicate(share(None, setup.state_shapes), setup.devices)
        with data.prefetch(batches(setup, start, on_device=steps.dataset is not None)) as stream:
            for (_, num), batch in stream:
                if not team.hear(stop):
                    break
                everywhere, _ = steps(everywhere, batch, num)
            else:
                team.hear(stop)
    return setup.new_state() if everywhere is None else parallel.local(everywhere)
