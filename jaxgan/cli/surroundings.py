"""What the command asks of the process it runs in, said in a sentence where it is not there."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
from absl import logging

from jaxgan.base.checks import UserError, brief
from jaxgan.base.settings import check_plain
from jaxgan.base.terminal import say


def open_streams() -> None:
    """Open standard output and error where they are closed; let them escape what their encoding has not."""
    for name in "stdout", "stderr":
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif isinstance(getattr(sys, name), io.TextIOWrapper):
            getattr(sys, name).reconfigure(errors="backslashreplace")


def check(argv: Sequence[str]) -> None:
    """Raise UserError where an argument is not UTF-8, or the process has no home folder, or no working directory."""
    for argument in argv:
        flag, _, value = argument.partition("=")
        check_plain(flag, value)
    try:
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home())
    except RuntimeError:
        raise UserError(f"HOME is not set, and user {os.getuid()} has no home folder; set it to a folder.") from None
    try:
        os.getcwd()
    except FileNotFoundError:
        raise UserError("the directory that the command was called in is gone; change to one that is there.") from None
    name = "jax_disable_jit"  # which JAX's types do not know
    if getattr(jax.config, name):
        say("JAX_DISABLE_JIT is ignored: the steps of a run exist only compiled")


def without_device(error: Exception) -> UserError | None:
    """Return a sentence for the error that JAX raises where it finds none of the devices asked for, else None."""
    if not isinstance(error, RuntimeError) or "nable to initialize backend" not in str(error):
        return None
    asked = os.environ.get("JAX_PLATFORMS", "")
    return UserError(
        f"JAX finds no device here for JAX_PLATFORMS={asked} ({brief(error)}); set it to cpu, or install JAX for the "
        "device that is meant."
    )


def quieten_failed_saves() -> None:
    """Drop what Orbax and TensorStore report of failed writes, from several threads; the one sentence is ours."""
    logging.get_absl_logger().addFilter(lambda record: "orbax" not in record.pathname)
    drop_late_writes()


def drop_late_writes() -> None:
    """Drop what TensorStore's threads report of writes that end after Orbax has given a save up."""
    before = sys.unraisablehook

    def report(found: sys.UnraisableHookArgs) -> None:
        # At the first write that fails Orbax closes its event loop, which the other writes then call in vain.
        if not (isinstance(found.exc_value, RuntimeError) and str(found.exc_value) == "Event loop is closed"):
            before(found)

    sys.unraisablehook = report
