"""Notice when another process of the job is dead or stuck, and end this one with a sentence.

Each process counts up its own key in the store that they share, and looks at those of the others: one that does not
count is dead, stopped or out of reach. A thread can neither raise in the main one nor interrupt a computation that
waits for the others, so it ends the process.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import NoReturn

import jax

from jaxgan.base import aborts
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import printable, write_line
from jaxgan.training import parallel

EVERY = 2.0  # seconds between two looks
PATIENCE = 30.0  # seconds without a sign of life

FOLDER = "jaxgan/alive/"

_watches: list[Watch] = []


class Lost(UserError):
    """A process of the job is not there any more."""

    def __init__(self, who: str):
        super().__init__(
            f"{who} of this job ended or does not answer; start all of them again to go on from the last checkpoint."
        )


class Pulse:
    """What is known of the others' signs of life.

    Args:
      others: their numbers.
      now: seconds on any clock.
    """

    def __init__(self, others: Iterable[int], now: float):
        self._seen: dict[int, tuple[str, float]] = dict.fromkeys(others, ("", now))
        self._answered = now

    def hear(self, counts: dict[int, str], now: float) -> None:
        """Take what the store holds: the count of each process."""
        self._answered = now
        for number, (count, _) in self._seen.items():
            heard = counts.get(number, count)
            if heard != count:
                self._seen[number] = heard, now

    def lost(self, now: float) -> str | None:
        """Return who has given no sign of life for too long, or None. The store is kept by process 0."""
        if now - self._answered > PATIENCE:
            return "process 0"
        silent = [number for number, (_, last) in self._seen.items() if now - last > PATIENCE]
        return f"process {silent[0]}" if silent else None


def watch() -> None:
    """Watch the other processes of this one's job from now on, if it has joined one."""
    if parallel.connected() and _watches == []:
        aborts.say_at_abort(str(Lost("another process")))
        number = jax.process_index()
        _watches.append(Watch(parallel.store(), number, [i for i in range(jax.process_count()) if i != number]))


def part() -> None:
    """Leave the job together with the others, none of which is to take that for death."""
    while _watches:
        _watches.pop().stop()
    parallel.disconnect()


class Watch:
    """Two threads while a job runs: one that asks the store, which may not answer, and one that looks at the clock."""

    def __init__(self, store, number: int, others: Iterable[int], end: Callable[[Lost], object] | None = None):
        """Begin to watch; `end` is called where one is lost, and ends the process by default."""
        self._store, self._number, self._end = store, number, end or leave
        self._pulse = Pulse(others, time.monotonic())
        self._over = threading.Event()
        for work in self._beat, self._look:
            threading.Thread(target=work, name="jaxgan-peers", daemon=True).start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()

    def _beat(self) -> None:
        count = 0
        while not self._over.wait(EVERY):
            count += 1
            try:
                self._store.key_value_set(f"{FOLDER}{self._number}", str(count), allow_overwrite=True)
                found = self._store.key_value_dir_get(FOLDER)
            except Exception:  # whatever the store of a dying job raises; silence is what counts
                continue
            counts = {int(key.rpartition("/")[2]): value for key, value in found}
            self._pulse.hear(counts, time.monotonic())

    def _look(self) -> None:
        while not self._over.wait(EVERY):
            lost = self._pulse.lost(time.monotonic())
            if lost is not None and not self._over.is_set():
                self._over.set()
                self._end(Lost(lost))


def leave(why: Exception) -> NoReturn:
    """Say why and end at once; the others notice."""
    write_line(f"error: {printable(' '.join(str(why).split()))}", sys.stderr)
    os._exit(1)
