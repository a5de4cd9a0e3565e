"""One process at a time writes into a run's folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.rundir import layout

_held: set[int] = set()  # descriptors of locks


@contextlib.contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made if missing.

    The system lets go of the lock when its holder ends, however it ends: neither a file that is left behind nor a child
    of the holder keeps it.

    Raises:
      UserError: another process holds it, a file is in the folder's place, or a link in the place of what is in it.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"{workdir} cannot be a folder: it or its parent is a file, or a link that leads nowhere; give another "
            "--workdir."
        ) from error
    layout.check(workdir)
    with files.open_own(workdir / layout.LOCK_FILE, os.O_RDWR | os.O_APPEND | os.O_CREAT) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{workdir} is being written by {_holder(file)}; wait or use another --workdir.") from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
            say(f"the file system of {workdir} has no locks: make sure that no other process writes there")
        file.truncate(0)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": since}).encode())
        file.flush()
        _held.add(file.fileno())
        try:
            yield
        finally:
            _held.discard(file.fileno())


def _let_go() -> None:
    """Leave the locks to the parent: a child that outlives it would hold them on."""
    for descriptor in _held:
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, descriptor, inheritable=False)
        os.close(nothing)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


def _holder(file: BinaryIO) -> str:
    try:
        file.seek(0)
        holder = json.loads(file.read(10_000))
        return f"process {holder['process']:d} on {str(holder['host'])[:80]} since {str(holder['since'])[:20]}"
    except (ValueError, TypeError, KeyError):
        return "another process"
