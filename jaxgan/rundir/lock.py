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
from typing import IO

from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say

LOCK_FILE = ".lock"


@contextlib.contextmanager
def locked(workdir: Path) -> Iterator[None]:
    """Hold the lock of a folder, which is made if missing.

    The system lets go of the lock when its holder ends, however it ends: a file left behind locks nothing.

    Raises:
      UserError: another process holds it, or a file is in its place.
    """
    try:
        workdir.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UserError(
            f"{workdir} cannot be a folder: it, or what should hold it, is a file; choose another --workdir."
        ) from error
    with (workdir / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"{workdir} is being written by {_holder(file)}; wait until it ends or stop it, or choose another "
                "--workdir."
            ) from error
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
            say(f"the file system of {workdir} knows no locks: see to it that no other process writes there")
        file.truncate(0)
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        file.write(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": since}))
        file.flush()
        yield


def _holder(file: IO[str]) -> str:
    try:
        file.seek(0)
        holder = json.loads(file.read())
        return f"process {holder['process']:d} on {str(holder['host'])[:80]} since {str(holder['since'])[:20]}"
    except (ValueError, TypeError, KeyError):
        return "another process"
