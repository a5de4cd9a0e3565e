"""Background threads that the end of the interpreter waits for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

_running: set[Future] = set()


def start(name: str, function: Callable[..., Any], *args: Any) -> Future:
    """Call function(*args) in a new thread.

    The interpreter waits for the thread before it ends, since a compiler that is torn down at work aborts the process.
    A program that must end at once asks `is_busy` and calls `os._exit`.

    Args:
      name: start of the thread's name.
      function: what to call.
      *args: its arguments.

    Returns:
      A future with the result or the error.
    """
    executor = ThreadPoolExecutor(1, name)
    future = executor.submit(function, *args)
    executor.shutdown(wait=False)
    _running.add(future)
    future.add_done_callback(_running.discard)
    return future


def is_busy() -> bool:
    """Return whether any of these threads is running."""
    return bool(_running)
