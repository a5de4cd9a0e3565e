"""Lists that a run's folder holds as JSON, and that may come from anybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jaxgan.base.terminal import say


def read_records(path: Path, kind: str, is_record: Callable[[Any], bool]) -> list[dict[str, Any]]:
    """Return the records of a file, of which `kind` is said; none where it is missing, or said to be no such list."""
    if not path.is_file():
        return []
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        content = None
    if isinstance(content, list) and all(map(is_record, content)):
        return content
    say(f"warning: {path} is no list of {kind} and was left out")
    return []
