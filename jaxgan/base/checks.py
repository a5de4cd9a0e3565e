"""Sentences for mistakes: what was given, what is expected, what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class UserError(ValueError):
    """A mistake of whoever uses jaxgan, said in one sentence; the command line shows it without a traceback."""


class NotFinite(UserError, FloatingPointError):
    """A number became NaN or infinite in training."""


def suggest(given: str, known: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(str(given), list(known), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def brief(error: Exception) -> str:
    """Return the kind of an error and the start of what it says, as part of a sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def one_of(name: str, given: Any, known: Iterable[Any]) -> None:
    """Raise ValueError unless `given` is one of `known`."""
    known = list(known)
    if given not in known:
        listed = ", ".join(map(str, known))
        raise UserError(f"{name} is {given!r}; expected one of {listed}.{suggest(given, map(str, known))}")


def in_range(name: str, given: float, low: float, high: float = float("inf")) -> None:
    """Raise ValueError unless low <= given <= high."""
    if not low <= given <= high:
        expected = f"at least {low}" if high == float("inf") else f"from {low} to {high}"
        raise UserError(f"{name} is {given}; expected a value {expected}.")
