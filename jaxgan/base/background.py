"""Work in a thread that never keeps the process alive."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


def start(name: str, function: Callable[..., Any], *args: Any) -> Future:
    """Call a function in a daemon thread of its own; its result or error is the future's."""
    future: Future = Future()

    def work() -> None:
        try:
            future.set_result(function(*args))
        except BaseException as error:  # it belongs to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future
