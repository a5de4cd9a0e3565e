"""The one way to write a file, whole or not at all, and the one way to read a file that may come from anybody."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from jaxgan.base.checks import UserError

MOST_BYTES = 2**30  # of a file that is read whole, unless its reader knows better


def write(path: str | os.PathLike[str], content: bytes | str | Callable[[Path], object]) -> None:
    """Write a file that appears whole or not at all, also if the power fails; folders are made.

    Args:
      path: the file, replaced where there is one.
      content: bytes, text (as UTF-8), or a function that writes the file whose path it is given.

    Raises:
      OSError: the disk refuses, which names this file; an older one of this name is left as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Of this writer alone: another one of the same file would take it away.
    half = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        half.unlink(missing_ok=True)  # a link that lies there would be followed
        if callable(content):
            content(half)
        else:
            half.write_bytes(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
        sync(half)  # the name must not become visible before what it names
        half.replace(path)
        sync(path.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            half.unlink()
        if isinstance(error, OSError) and error.errno and error.filename in (None, str(half)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def open_regular(path: str | os.PathLike[str], flags: int = os.O_RDONLY) -> tuple[BinaryIO, int]:
    """Open a file at once; returns it and its number of bytes.

    Args:
      path: the file.
      flags: of `os.open`; to write, too, unless they are `os.O_RDONLY`.

    Raises:
      OSError: it cannot be opened, or is no regular file: reading a FIFO or a terminal may wait for ever.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK, 0o666)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or (flags & os.O_RDWR and status.st_nlink > 1):
            raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
        return open(descriptor, "rb+" if flags & os.O_RDWR else "rb"), status.st_size
    except BaseException:
        os.close(descriptor)
        raise


def open_own(path: Path, flags: int = os.O_RDONLY) -> BinaryIO:
    """Open a file of a run, which may come from anybody.

    Raises:
      FileNotFoundError: there is none.
      UserError: it is a link, a folder, a pipe or a device.
      OSError: it cannot be opened.
    """
    try:
        return open_regular(path, flags | os.O_NOFOLLOW)[0]
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.EINVAL, errno.ENXIO, errno.EISDIR):
            raise
        raise UserError(f"{path} is no regular file, but a link, a folder or a device; remove it.") from error


def read(path: Path, most: int = MOST_BYTES) -> bytes:
    """Read a file of a run.

    Raises:
      UserError: see `open_own`; or it has more than `most` bytes.
    """
    with open_own(path) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise UserError(f"{path} has more than {most:,} bytes, so it is not what a run writes; remove it.")
    return content


def is_regular(path: Path) -> bool:
    """Return whether a path is a file itself: no link, folder, pipe or device."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False


def check_regular(folder: Path) -> None:
    """Raise OSError unless a folder is one itself and holds regular files and folders only, at any depth."""
    if folder.is_symlink():
        raise OSError(errno.EINVAL, "it is a symbolic link", str(folder))
    for place, folders, names in os.walk(folder, onerror=_raise):
        for path in (Path(place, name) for name in (*folders, *names)):
            if not is_regular(path) and (path.is_symlink() or not path.is_dir()):
                raise OSError(errno.EINVAL, f"{path.name} is no regular file", str(path))


@contextlib.contextmanager
def plain(folder: Path) -> Iterator[Path]:
    """Give a folder a path of letters, digits and a few other characters, for libraries that read more into others.

    Some take brackets for a pattern, or paths for UTF-8. The path is the folder's own where that is plain.
    """
    if re.fullmatch(r"[\w/.=+,@ -]+", str(folder), re.ASCII):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="jaxgan-") as place:
        link = Path(place, "folder")
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link


def sync(path: Path) -> None:
    """Return when a file, or the list of a folder's names, is on the disk, whatever happens to the power.

    Some network file systems cannot do that for folders; that is no error.
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
    """Call `sync` for a folder and all that is in it."""
    for place, _, names in os.walk(folder, onerror=_raise):
        for name in names:
            sync(Path(place, name))
        sync(Path(place))


def _raise(error: OSError) -> None:
    raise error
