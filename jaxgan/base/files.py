"""The one way to write a file: whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def write(path: str | os.PathLike, content: bytes | str | Callable[[Path], object]) -> None:
    """Write a file that appears whole or not at all, also if the power fails; folders are made.

    Args:
      path: the file, replaced where there is one.
      content: bytes, text (as UTF-8), or a function that writes the file whose path it is given.

    Raises:
      OSError: the disk refuses; an older file of this name is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    try:
        if callable(content):
            content(half)
        else:
            half.write_bytes(content.encode() if isinstance(content, str) else content)
        sync(half)  # the name must not become visible before what it names
        half.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def sync(path: Path) -> None:
    """Return when a file, or the list of a folder's names, is on the disk, whatever happens to the power."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Do so for a folder and all that is in it."""
    for place, _, names in os.walk(folder):
        for name in names:
            sync(Path(place, name))
        sync(Path(place))
