"""Where the command begins: Ctrl-C is taken care of before the imports, which take seconds."""

from __future__ import annotations

import gc
import os
import signal
import sys

from jaxgan.cli.ctrl_c import leave


def main() -> None:
    """Do what the command line says."""
    signal.signal(signal.SIGINT, leave)
    # Imports and tracing make objects by the million, to stay; looking for those that may go took a tenth of a start.
    gc.set_threshold(100_000, 50, 50)
    # XLA's errors are exceptions, too. Beside them it logs a banner that asks to report a slow compile as a bug.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        from jaxgan.cli.main import run
    except ValueError as error:  # JAX reads its variables of the environment while it is imported
        if "JAX_" not in str(error) and "JAX flag" not in str(error):
            raise
        sys.exit(f"error: JAX cannot read a variable of the environment ({error}); correct it, or unset it.")
    run()
