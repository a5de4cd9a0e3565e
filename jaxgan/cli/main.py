"""The command from its start to its end: signals, mistakes, compiled programs that are kept."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import NoReturn

import jax
from absl import app, logging

import jaxgan
from jaxgan.base import checks, machine, processes, store, threads
from jaxgan.cli import flags as cli_flags, modes, surroundings
from jaxgan.cli.ctrl_c import leave
from jaxgan.cli.flags import FLAGS, fail, parse


def main(argv: list[str]) -> None:
    """Do what --mode says; a mistake of the user ends in one sentence and exit status 1."""
    if len(argv) > 1:
        fail(f"{argv[1]!r} is no flag; flags are written --name=value.")
    keep_compiled_programs()
    mode = modes.MODES[FLAGS.mode]
    try:
        modes.refuse_all_but(mode.reads, f"--mode={FLAGS.mode}")
        with machine.usual_rules():
            mode.run()
    except processes.KnownToAll as error:
        fail(str(error)) if str(error) else sys.exit(1)
    except Exception as error:
        end(explained(error))
        raise


def end(error: Exception) -> None:
    """End at a mistake of the user in one sentence, at another error only where the usual end would wait for others."""
    is_mistake = isinstance(error, jaxgan.UserError | OSError | MemoryError)
    if isinstance(error, BrokenPipeError) and not processes.joined():  # who reads has enough, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    if is_mistake:
        logging.debug("Where it happened:", exc_info=True)
    if processes.joined():
        if is_mistake:
            processes.end_at_once(error)
        traceback.print_exc()
        os._exit(1)
    if is_mistake:
        fail(str(error))


def explained(error: Exception) -> Exception:
    """Explain that the device is out of memory, and which file the system refuses."""
    if isinstance(error, OSError) and error.filename is not None and error.filename2 is None:
        return OSError(f"{os.fsdecode(error.filename)} could not be read or written ({error.strerror}).")
    if not isinstance(error, jax.errors.JaxRuntimeError) or "RESOURCE_EXHAUSTED" not in str(error):
        return surroundings.without_device(error) or error
    return jaxgan.UserError(
        f"the {jax.default_backend()} device has too little memory ({checks.brief(error)}); make "
        "config.data.batch_size or the networks smaller, or end what else computes there (JAX takes most of a GPU's "
        "memory at its start, unless XLA_PYTHON_CLIENT_PREALLOCATE=false is set)."
    )


def keep_compiled_programs() -> None:
    """Let jax keep compiled programs on disk, so that a second start is quick."""
    if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        jax.config.update("jax_compilation_cache_dir", str(store.cache_folder()))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def interrupt(*_: object) -> NoReturn:
    """Unwind at the first Ctrl-C, which removes half-written files; the next one ends at once."""
    signal.signal(signal.SIGINT, leave)
    raise KeyboardInterrupt


def leave_quickly(ending: SystemExit) -> NoReturn:
    """End with a status, without waiting for a compiler that still runs and cannot be stopped."""
    processes.leave()
    if not threads.is_busy():
        raise ending
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ending.code if isinstance(ending.code, int) else 0)


def run() -> None:
    """Read the flags, do what they say, and end."""
    for flag in FLAGS.get_flags_for_module(cli_flags.__name__) + FLAGS.get_flags_for_module(modes.__name__):
        FLAGS.register_key_flag_for_module(sys.argv[0], flag)  # --help shows those of the file that was called
    signal.signal(signal.SIGINT, interrupt)
    try:
        app.run(main, flags_parser=parse)
    except KeyboardInterrupt:
        leave()
    except SystemExit as ending:
        leave_quickly(ending)
    finally:
        signal.signal(signal.SIGINT, leave)
