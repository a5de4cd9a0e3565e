"""Lists that a run's folder holds as JSON, and that may come from anybody."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say

MOST_BYTES = 2**28


def read_records(path: Path, kind: str, is_record: Callable[[Any], bool]) -> list[dict[str, Any]]:
    """Return the records of a file, none where it is missing; a file that is no list of such a `kind` is reported."""
    try:
        content = json.loads(files.read(path, MOST_BYTES))
    except FileNotFoundError:
        return []
    except UserError:
        raise
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, list) and all(map(is_record, content)):
        return content
    say(f"warning: {path} is no list of {kind} and was left out")
    return []
