"""SIGTERM, Ctrl-C and the signals of schedulers: requests to save and stop after the step under way."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from jaxgan.base import processes

ASKS = (signal.SIGINT, signal.SIGTERM)  # a second one acts at once
# Sent by schedulers, and by a terminal that closes, often twice. Taken only where they would end the process.
NOTICES = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class StopRequest:
    """Becomes true when somebody asks the run to stop.

    Attributes:
      signal: the first one that came.
    """

    def __init__(self):
        self.signal: int | None = None

    def __bool__(self) -> bool:
        return self.signal is not None

    def anywhere(self, *more: int | bool) -> tuple[bool, list[int]]:
        """Return whether any process of the job was asked, and what process 0 gives as `more`; all must call it."""
        told = processes.gather([bool(self), *more])
        asked = bool(told[:, 0].any())  # and not whether one was asked since, which the others do not know
        if asked and not self:
            self.signal = signal.SIGTERM  # of another process
        return asked, told[0, 1:].tolist()


@contextlib.contextmanager
def catch_stop() -> Iterator[StopRequest]:
    """Turn the first signal into a request; a second SIGINT or SIGTERM acts at once, as usual.

    Outside the main thread, where Python allows no handlers, the request never comes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before: dict[int, Any] = {number: signal.getsignal(number) for number in (*ASKS, *NOTICES)}
    taken = [number for number in before if number in ASKS or before[number] is signal.SIG_DFL]

    def restore(numbers: Iterable[int]) -> None:
        for number in numbers:
            signal.signal(number, before[number])

    def handle(number: int, frame: object) -> None:
        del frame
        if number == signal.SIGINT:
            with contextlib.suppress(OSError):  # and not print, which may be what the signal came into
                os.write(2, b"\nstopping after this step, to save; another Ctrl-C ends at once\n")
        request.signal = request.signal or number
        restore(ASKS)

    for number in taken:
        signal.signal(number, handle)
    try:
        yield request
    finally:
        restore(taken)
