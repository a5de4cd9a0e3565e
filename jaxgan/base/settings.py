"""Reading and completing configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxgan.base.types import Config


def completed(model: Config, added: Mapping[str, Any]) -> Config:
    """Return a copy of `config.model` in which missing settings have the values that did not have a name before."""
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
