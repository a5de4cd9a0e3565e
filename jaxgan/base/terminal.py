"""Lines for the person at the terminal, without what a terminal would obey: messages on standard error, results."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

Printer = Callable[[str], object]

_printers: list[Printer] = []


def say(text: str) -> None:
    """Print one line on standard error, or give it to the innermost `divert`; control characters are escaped.

    Args:
      text: a sentence; may hold names that strangers chose.
    """
    line = printable(text)
    if _printers:
        _printers[-1](line)
    else:
        write_line(line, sys.stderr)


def show(*lines: object) -> None:
    """Print lines of a result on standard output; control characters are escaped."""
    print(*map(printable, lines), sep="\n")


def write_line(text: str, stream: TextIO) -> None:
    """Print a line; a stream that takes none, as a file on a full disk or a closed pipe, is no reason to stop work."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=stream, flush=True)


@contextlib.contextmanager
def divert(printer: Printer) -> Iterator[None]:
    """Give messages of this block, from any thread, to another printer: one that keeps a progress bar whole.

    Args:
      printer: takes one line without its end; called from any thread.
    """
    _printers.append(printer)
    try:
        yield
    finally:
        _printers.remove(printer)


def printable(text: object) -> str:
    r"""Return text in which whatever is no visible character or blank stands as its escape: a line end as \n.

    A file's name may hold line ends, colours or marks that turn the direction of writing; printed as they are, they
    could pass for lines of our own.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))
