"""Settings that came after a run was made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_collections import ConfigDict

from jaxgan.base.types import Config


def completed(model: Config, added: Mapping[str, Any]) -> Config:
    """Return a copy of `config.model` in which missing settings have the values that did not have a name before."""
    return ConfigDict({**added, **model})
