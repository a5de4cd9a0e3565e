"""Where a library in C ends the process (SIGABRT) or holds Ctrl-C back, which Python has no say in."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import threading
from collections.abc import Iterator

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_int)
_said: list[bytes] = []


@_HANDLER
def _end(number: int) -> None:
    del number
    os.write(2, _said[-1])
    os._exit(1)


def say_at_abort(sentence: str) -> None:
    """From now on end with a sentence and status 1 where a library aborts the process, below what it says itself."""
    _said.append(f"error: {sentence}\n".encode())
    # Python's own handlers run between two of its instructions, to which an abort never returns.
    ctypes.CDLL(None).signal(signal.SIGABRT, _end)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end the process at once while a library waits inside the block."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
