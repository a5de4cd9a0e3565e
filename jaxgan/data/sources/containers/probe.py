"""A try in another process, for readers in C that a damaged file may end."""

from __future__ import annotations

import subprocess
import sys

from jaxgan.base.checks import UserError

SECONDS = 600  # a large database is read once; more is a hang


def survives(code: str, args: list[str], place: str) -> None:
    """Raise UserError where code that reads a file ends its process, or never ends.

    Errors that the reader reports are left to be reported by the caller, who meets them again.

    Args:
      code: a program, which only reads.
      args: its arguments.
      place: the file, for the message.
    """
    try:
        done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise UserError(f"{place} is damaged: reading it did not end within {SECONDS} s; get it again.") from None
    if done.returncode < 0:
        raise UserError(f"{place} is damaged: its reader was ended by signal {-done.returncode}; get it again.")
