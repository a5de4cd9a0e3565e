"""Checks of what users give, and the errors they raise: what was given, what is expected, what to do."""

from __future__ import annotations

import contextlib
import difflib
import errno
import importlib
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

Shape = tuple[int, int, int]  # H, W, C


class UserError(ValueError):
    """A user's mistake. The command line prints its error message without a traceback."""


class NotFinite(UserError, FloatingPointError):
    """A number became NaN or infinite in training."""


def suggest(given: str, known: Iterable[str]) -> str:
    """Return ' Did you mean "x"?' for the nearest known name, or an empty string."""
    near = difflib.get_close_matches(str(given), list(known), n=1)
    return f' Did you mean "{near[0]}"?' if near else ""


def brief(error: Exception) -> str:
    """Return the type of an error and the first 200 characters of its message, to be part of a sentence."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@contextlib.contextmanager
def damaged(what: str, then: str = "get it again") -> Iterator[None]:
    """Turn what readers raise on damaged files, which is about anything, into a UserError: what (the error); then.

    Errors of the system, such as those of a disk, and UserErrors stay as they are. EINVAL is of a damaged file, too: of
    a place in it that cannot be.
    """
    try:
        yield
    except Exception as error:
        of_system = isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)
        if isinstance(error, UserError) or of_system:
            raise
        raise UserError(f"{what} ({brief(error)}); {then}.") from error


def one_of(name: str, given: Any, known: Iterable[Any]) -> None:
    """Raise UserError unless `given` is one of `known`."""
    known = list(known)
    if given not in known:
        listed = ", ".join(map(str, known))
        raise UserError(f"{name} is {given!r}; expected one of {listed}.{suggest(given, map(str, known))}")


def in_range(name: str, given: float, low: float, high: float = float("inf")) -> None:
    """Raise UserError unless low <= given <= high."""
    if not low <= given <= high:
        expected = f"at least {low}" if high == float("inf") else f"from {low} to {high}"
        raise UserError(f"{name} is {given}; expected a value {expected}.")


def floats(name: str, given: Any) -> None:
    """Raise UserError for an array of whole numbers, in whose type kernels would become zeros."""
    if given.dtype.kind in "biu":
        raise UserError(f"{name} is {given.dtype}{list(given.shape)}; expected floats, so convert it first.")


def check_pixels(gan: str, given: Sequence[float], low: float, high: float) -> None:
    """Raise UserError where config.data.range (low, high) goes beyond what a GAN can make."""
    if given[0] < low or given[1] > high:
        raise UserError(
            f"{gan} makes pixels in {low:g}..{high:g}, but config.data.range is {tuple(given)}; set it to {low, high}."
        )


def check_exact(gan: str, given: Shape, expected: Shape, other: str) -> None:
    """Raise UserError unless the images have the one shape that a GAN makes.

    Args:
      gan: name of the GAN.
      given: (H, W, C) of the data.
      expected: (H, W, C) of the GAN.
      other: name of a GAN for other shapes.
    """
    if given != expected:
        raise UserError(
            f"{gan} makes images of shape {expected}, but the data has {given}; "
            f"set config.data.image_size={expected[0]} and config.data.channels={expected[2]}, or use the {other} GAN."
        )


def check_multiples(gan: str, given: Shape, factor: int, examples: str) -> None:
    """Raise UserError unless H and W of the images are multiples of `factor`.

    Args:
      gan: name of the GAN.
      given: (H, W, C) of the data.
      factor: what H and W must be multiples of.
      examples: sizes to suggest, such as '28 or 32'.
    """
    if given[0] % factor or given[1] % factor:
        nearest = tuple(max(factor, round(side / factor) * factor) for side in given[:2])
        oblong = "" if nearest[0] == nearest[1] else f", or to {nearest}"
        raise UserError(
            f"{gan} makes images whose height and width are multiples of {factor}, but the data has {given}; "
            f"set config.data.image_size to one, such as {examples}{oblong}."
        )


def needed(package: str, extra: str) -> ModuleType:
    """Import an optional package.

    Args:
      package: module to import.
      extra: the extra of jaxgan that installs it.

    Raises:
      UserError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        raise UserError(f"this needs {name}, which is not installed; pip install 'jaxgan[{extra}]'.") from None
