"""What TensorStore, Orbax and asyncio tell of a save or a read after it failed, which jaxgan has said in a sentence.

Orbax gives up at the first array that fails and closes its event loop; each of the others then reports on its own, with
a traceback, whenever its thread comes to it.
"""

from __future__ import annotations

import functools
import logging
import re
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

Hook = Callable[[Any], object]

_OF_ARRAYS = re.compile("tensorstore_spec|os_error_code")
_READS = "_read_array_index_and_device_put", "metadata"  # Orbax's coroutines for one array


def ignore_late_reports() -> None:
    """Drop those reports from now on; to be called before each save and read, since others may reset warnings."""
    warnings.filterwarnings("ignore", rf"coroutine '(\w+\.)?({'|'.join(_READS)})' was never awaited")
    logging.getLogger("asyncio").addFilter(_is_of_another)
    _wrap_hook()


@functools.cache  # once: who wraps our hook in turn must not be wrapped again
def _wrap_hook() -> None:
    sys.unraisablehook = without_late_reports(sys.unraisablehook)


def without_late_reports(told: Hook) -> Hook:
    """Return a hook for what cannot be raised, which hands all but those reports on."""

    def tell(report: sys.UnraisableHookArgs) -> None:
        # A thread that Python does not know is one of TensorStore's.
        is_python = threading.get_ident() in {thread.ident for thread in threading.enumerate()}
        is_closed = not is_python and str(report.exc_value) == "Event loop is closed"
        if not is_closed and getattr(report.object, "__name__", "") not in _READS:
            told(report)

    return tell


def _is_of_another(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not ("never retrieved" in record.getMessage() and _OF_ARRAYS.search(str(error)))
