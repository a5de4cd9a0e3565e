"""What TensorStore, Orbax and asyncio tell of a save or a read after it failed, which jaxgan has said in a sentence.

Orbax gives up at the first array that fails and closes its event loop; each of the others then reports on its own, with
a traceback, whenever its thread comes to it.
"""

from __future__ import annotations

import logging
import re
import sys
import warnings

_OF_ARRAYS = re.compile("tensorstore|ocdbt|zarr|os_error_code")


def ignore_late_reports() -> None:
    """Drop those reports from now on, and nothing else; a second call has no effect."""
    logger = logging.getLogger("asyncio")
    if _is_of_another in logger.filters:
        return
    logger.addFilter(_is_of_another)
    warnings.filterwarnings("ignore", "coroutine '_read_array_index_and_device_put' was never awaited")
    told = sys.unraisablehook

    def tell(report: sys.UnraisableHookArgs) -> None:
        if str(report.exc_value) != "Event loop is closed":
            told(report)

    sys.unraisablehook = tell


def _is_of_another(record: logging.LogRecord) -> bool:
    error = record.exc_info[1] if record.exc_info else None
    return not ("never retrieved" in record.getMessage() and _OF_ARRAYS.search(str(error)))
