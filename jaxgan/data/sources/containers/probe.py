"""A try in another process, for readers in C that a damaged file may end."""

from __future__ import annotations

import os
import subprocess
import sys

from jaxgan.base.checks import UserError

SECONDS = 600  # a large database is read once; more is a hang
MEMORY = 2**29  # bytes, those of the libraries included

# Runs before the code: MEMORY, as a name of its own.
BOUNDED = """
import resource
resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, resource.getrlimit(resource.RLIMIT_DATA)[1]))
"""

# How the code's process ends where that is not enough.
_NO_MEMORY = 77
_PROGRAM = """
import sys
try:
    exec({code!r}, {{"MEMORY": {memory}}})
except MemoryError:
    sys.exit({no_memory})
"""


def survives(code: str, args: list[str], place: str, memory: int = MEMORY) -> None:
    """Raise UserError where code that reads a file ends its process, never ends, or asks for too much memory.

    Errors that the reader reports are left to be reported by the caller, who meets them again.

    Args:
      code: a program, which only reads; it raises MemoryError where it lacks memory.
      args: its arguments.
      place: the file, for the message.
      memory: bytes that it may take.
    """
    program = _PROGRAM.format(code=BOUNDED + code, memory=memory, no_memory=_NO_MEMORY)
    few_threads = os.environ | {"OPENBLAS_NUM_THREADS": "1"}  # each has memory of its own
    options = {"capture_output": True, "timeout": SECONDS, "check": False, "env": few_threads}
    try:
        done = subprocess.run([sys.executable, "-c", program, *args], **options)
    except subprocess.TimeoutExpired:
        raise UserError(f"{place} is damaged: reading it did not end within {SECONDS} s; get it again.") from None
    if done.returncode < 0:
        raise UserError(f"{place} is damaged: its reader was ended by signal {-done.returncode}; get it again.")
    if done.returncode == _NO_MEMORY:
        raise UserError(f"{place} is damaged: reading it takes more than {memory / 2**30:.1f} GiB; get it again.")
