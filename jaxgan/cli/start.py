"""Where the command begins: Ctrl-C is taken care of before the imports, which take seconds."""

from __future__ import annotations

import gc
import signal

from jaxgan.cli.ctrl_c import leave


def main() -> None:
    """Do what the command line says."""
    signal.signal(signal.SIGINT, leave)
    # Imports and tracing make objects by the million, to stay; looking for those that may go took a tenth of a start.
    gc.set_threshold(100_000, 50, 50)
    from jaxgan.cli.main import run

    run()
