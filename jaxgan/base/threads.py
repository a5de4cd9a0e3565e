"""Work in threads of its own."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

_running: set[threading.Thread] = set()


def start(name: str, function: Callable[..., Any], *args: Any) -> Future:
    """Call a function in a thread; its result or error is the future's.

    The end of the interpreter waits for it, since a compiler that is torn down under way aborts the process; a program
    that is in a hurry asks `is_busy` and ends by `os._exit`.
    """
    future: Future = Future()

    def work() -> None:
        try:
            future.set_result(function(*args))
        except BaseException as error:  # it belongs to whoever asks for the result
            future.set_exception(error)
        finally:
            _running.discard(threading.current_thread())

    thread = threading.Thread(target=work, name=name, daemon=True)
    _running.add(thread)
    thread.start()
    return future


def is_busy() -> bool:
    """Return whether any such work is under way."""
    return bool(_running)


@atexit.register
def _finish() -> None:
    for thread in list(_running):
        thread.join()
