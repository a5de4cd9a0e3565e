"""The one way to write a file: whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path


def write(path: str | os.PathLike[str], content: bytes | str | Callable[[Path], object]) -> None:
    """Write a file that appears whole or not at all, also if the power fails; folders are made.

    Args:
      path: the file, replaced where there is one.
      content: bytes, text (as UTF-8), or a function that writes the file whose path it is given.

    Raises:
      OSError: the disk refuses; an older file of this name is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of this writer alone: another one of the same file would take it away.
    half = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        if callable(content):
            content(half)
        else:
            half.write_bytes(content.encode() if isinstance(content, str) else content)
        sync(half)  # the name must not become visible before what it names
        half.replace(path)
        sync(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def sync(path: Path) -> None:
    """Return when a file, or the list of a folder's names, is on the disk, whatever happens to the power.

    Some file systems of networks cannot do that for folders, and are left to themselves.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not path.is_dir() or error.errno not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def sync_all(folder: Path) -> None:
    """Do so for a folder and all that is in it."""

    def fail(error: OSError) -> None:
        raise error

    for place, _, names in os.walk(folder, onerror=fail):
        for name in names:
            sync(Path(place, name))
        sync(Path(place))
