"""What a setting of a configuration is, and how configurations are read."""

from __future__ import annotations

import dataclasses
import math
import os
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config

# Marks that turn the direction of writing, so that a name looks like another one.
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@dataclasses.dataclass(frozen=True)
class Setting:
    """All that is known of a field of the configuration.

    Attributes:
      name: of the field in its section.
      default: its value where nothing else is asked for; the type is that of all values.
      about: its meaning in a few words; the choices are added where they are not among them.
      low: inclusive lower bound, None for none.
      high: inclusive upper bound.
      choices: all values that it can have; none: any.
      needs: paths of settings without which it has no effect; of those in one text, joined by '|', any will do.
      fixed: whether a resumed run must have the value that it began with.
      swept: whether seeds in one program may have values of their own, listed in the section `sweep`.
      is_path: whether it names a file or a folder.
      code: 'one' where it may name a part of a Python file, as file.py:NAME (the GAN: file.py); 'list' for several.
        Choices then are those of the package, and whoever reads the setting knows of others.
      kinds: types of its values, where these have others than the default; a number stands for a pair of it.
    """

    name: str
    default: Any
    about: str = ""
    low: float | None = None
    high: float | None = None
    choices: Collection[Any] = ()
    needs: tuple[str, ...] = ()
    fixed: bool = False
    swept: bool = False
    is_path: bool = False
    code: str = ""
    kinds: tuple[type, ...] = ()

    def check(self, name: str, value: Any) -> None:
        """Raise UserError, which calls the field `name`, where a value cannot be meant."""
        check_plain(name, value)
        if self.choices and not self.code:
            checks.one_of(name, value, self.choices)
        if self.kinds and not isinstance(value, self.kinds):
            raise UserError(f"{name} is {value!r}; expected {self.about}.")
        if self.low is not None and self.high is not None:
            for number in value if isinstance(value, list | tuple) else [value]:
                checks.in_range(name, number, self.low, self.high)
        several = isinstance(value, list | tuple) if self.kinds else isinstance(self.default, tuple)
        if several and not all(type(number) in (int, float) for number in value):
            raise UserError(f"{name} is {tuple(value)}; expected numbers.")

    def explained(self) -> str:
        """Return the meaning and the choices."""
        if all(str(choice) in self.about for choice in self.choices):
            return self.about
        return f"{self.about} ({', '.join(map(str, self.choices))})".strip()


def check_plain(name: str, value: Any) -> None:
    """Raise UserError for NaN, infinity, and text that could disguise itself on a terminal or that is not UTF-8."""
    for text in (name, value):
        if isinstance(text, str) and any(c in _TURNING or unicodedata.category(c) in ("Cc", "Cs") for c in text):
            raise UserError(f"{printable(name)} is {value!a}; expected text in UTF-8 without control characters.")
    for number in value if isinstance(value, list | tuple) else [value]:
        if isinstance(number, float) and not math.isfinite(number):
            raise UserError(f"{name} is {number}; expected a finite number.")


def user_path(path: str | os.PathLike[str]) -> Path:
    """Return a user's path as an absolute one, in which '~' is the home folder.

    Raises:
      UserError: the name is not UTF-8 or has control characters, so that files of a run could not hold it.
    """
    check_plain("a path", os.fspath(path))
    return Path(os.path.abspath(os.path.expanduser(path)))


def completed(model: Config, added: Mapping[str, Any]) -> Config:
    """Return a copy of `config.model` with the values of settings that it does not have yet."""
    return ConfigDict({**added, **model})


def get(config: Config, path: str) -> Any:
    """Return the value at a dotted path."""
    value: Any = config
    for name in path.split("."):
        value = value[name]
    return value


def flatten(config: Config) -> dict[str, object]:
    """Return {'section.field': value} of a configuration."""
    flat = {}
    for name, value in config.items():
        if isinstance(value, ConfigDict):
            flat |= {f"{name}.{inner}": deep for inner, deep in flatten(value).items()}
        else:
            flat[name] = list(value) if isinstance(value, tuple) else value
    return flat
