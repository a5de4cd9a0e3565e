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
        # The name must not become visible before what it names.
        with half.open("rb") as file:
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise
