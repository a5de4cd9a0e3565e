"""What the command asks of the process it runs in, said in a sentence where it is not there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from jaxgan.base.checks import UserError, brief
from jaxgan.base.settings import check_plain


def open_streams() -> None:
    """Open standard output and error where whoever started the command has closed them."""
    for name in "stdout", "stderr":
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115


def check(argv: Sequence[str], mode: str) -> None:
    """Raise UserError where an argument is not UTF-8, or the process lacks what a mode needs."""
    for argument in argv:
        flag, _, value = argument.partition("=")
        check_plain(flag, value)
    try:
        Path(os.environ.get("XDG_CACHE_HOME") or Path.home())
    except RuntimeError:
        raise UserError(
            f"HOME is not set, and the user id {os.getuid()} has no home folder; set HOME to a folder of yours."
        ) from None
    if mode == "train" and os.environ.get("JAX_DISABLE_JIT", "").lower() in ("1", "true", "yes", "on"):
        raise UserError("JAX_DISABLE_JIT is set, but training needs compiled steps; unset it.")


def without_device(error: Exception) -> UserError | None:
    """Return a sentence for the error that JAX raises where it finds none of the devices asked for, else None."""
    if not isinstance(error, RuntimeError) or "nable to initialize backend" not in str(error):
        return None
    asked = os.environ.get("JAX_PLATFORMS", "")
    return UserError(
        f"JAX finds no device here for JAX_PLATFORMS={asked} ({brief(error)}); set it to cpu, or install JAX for the "
        "device that is meant."
    )
