"""Lists that a run's folder holds as JSON, and that may come from anybody."""

from __future__ import annotations

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
    found = _parse(path, is_record)
    if found is None:
        say(f"warning: {path} is no list of {kind} and was left out")
    return found or []


def write_records(path: Path, records: list[dict[str, Any]], is_record: Callable[[Any], bool]) -> None:
    """Write a file of records; see `keep_damaged` for a file in its place that is no list of them."""
    if _parse(path, is_record) is None:
        keep_damaged(path)
    files.write(path, json.dumps(records, indent=1) + "\n")


def keep_damaged(path: Path) -> None:
    """Copy a file that is about to be replaced though it could not be read: perhaps a person can repair it."""
    copy = path.with_name(f"{path.name}.damaged")
    files.write(copy, files.read(path, MOST_BYTES))
    say(f"what {path} held is kept in {copy.name}")


def _parse(path: Path, is_record: Callable[[Any], bool]) -> list[dict[str, Any]] | None:
    try:
        content = json.loads(files.read(path, MOST_BYTES))
    except FileNotFoundError:
        return []
    except UserError:
        raise
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, list) and all(map(is_record, content)) else None
