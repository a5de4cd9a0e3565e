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
from jaxgan.runs.calls import batches, make_steps
from jaxgan.runs.interrupt import StopRequest
from jaxgan.runs.peers import Lost, Watch
from jaxgan.runs.sealing import is_key
from jaxgan.runs.setup import Setup
from jaxgan.training import parallel
from jaxgan.training.state import GanState

T = TypeVar("T")

GO, END = 0, 1  # what the leader says before each call
FINISHED, FAILED = -1, -2  # and instead of a step to begin at
ASKED = 1  # what a follower says where somebody asked it to stop
MAX_SENTENCE = 600  # bytes of what a process says when it cannot begin


class Dismissed(UserError):
    """The leader ended the run and said why; nothing is left to say here."""

    def __init__(self):
        super().__init__("process 0 ended this run; it says why.")


class Team:
    """The processes of a job, as each of them sees the others; use it as a context manager."""

    def __init__(self):
        self.size = parallel.num_processes()
        self.leads = parallel.leads()
        self._watch: Watch | None = None
        self._agreed = False

    def __enter__(self) -> Team:
        if self.size > 1:
            me = jax.process_index()
            self._watch = Watch(parallel.store(), me, [i for i in range(self.size) if i != me])
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if self.size > 1 and is_loss(error):
                raise Lost("another process") from error
            if self.size > 1 and self.leads and self._agreed and not isinstance(error, Lost):
                exchange(FINISHED if error is None else FAILED)
        finally:
            if self._watch is not None:
                self._watch.stop()

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
        made, sentence, error = None, "", None
        try:
            made = prepare()
            sentence = "=" + describe(made)
        except (UserError, OSError) as caught:
            sentence, error = "!" + " ".join(str(caught).split()), caught
        row = np.zeros(MAX_SENTENCE, np.uint8)
        row[: len(sentence.encode()[:MAX_SENTENCE])] = list(sentence.encode()[:MAX_SENTENCE])
        said = [bytes(row).rstrip(b"\0").decode(errors="replace") for row in parallel.gather(row)]
        if all(one == said[0] for one in said) and made is not None:
            self._agreed = True
            return made
        if not self.leads:
            raise Dismissed
        if error is not None:
            raise error
        for number, one in enumerate(said):
            if one.startswith("!"):
                raise UserError(f"process {number} cannot begin: {one[1:]}")
        other = next(number for number, one in enumerate(said) if one != said[0])
        raise UserError(
            f"process {other} has another configuration or other data than process 0 ({said[other][1:]} instead of "
            f"{said[0][1:]}); give all the same."
        )

    @contextlib.contextmanager
    def lead(self, state: GanState) -> Iterator[None]:
        """Let the others begin with a state; they stop at the end of the block, however that comes."""
        if self.size == 1:
            yield
            return
        exchange(int(state.step))
        share(state)
        try:
            yield
        except BaseException as error:
            if not is_loss(error):
                exchange(END)
            raise
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


def exchange(number: int) -> np.ndarray:
    """Return the numbers that all processes give, in their order; all must call it."""
    return parallel.gather(np.asarray(number, np.int32))


def share(state: GanState | None, template: GanState | None = None) -> GanState:
    """Return the leader's state in all processes: the leader gives it, the others its shapes."""

    def bare(x) -> np.ndarray:
        if isinstance(x, jax.ShapeDtypeStruct):
            x = jax.random.key(0) if is_key(x) else np.zeros(x.shape, x.dtype)
        return np.asarray(jax.random.key_data(x) if is_key(x) else x)

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
    steps = make_steps(setup, 0)
    state = setup.new_state()
    while (start := team.begin()) is not None:
        everywhere = parallel.replicate(share(None, setup.state_shapes), setup.devices)
        with data.prefetch(batches(setup, start, on_device=steps.dataset is not None)) as stream:
            for (_, num), batch in stream:
                if not team.hear(stop):
                    break
                everywhere, _ = steps(everywhere, batch, num)
            else:
                team.hear(stop)
        state = parallel.local(everywhere)
    return state
