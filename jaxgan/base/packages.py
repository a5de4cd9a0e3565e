"""Packages that only some uses need."""

from __future__ import annotations

import importlib
from types import ModuleType

from jaxgan.base.checks import UserError


def needed(package: str, extra: str) -> ModuleType:
    """Import a package, or say which extra of jaxgan brings it.

    Raises:
      UserError: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ImportError:
        name = package.partition(".")[0]
        raise UserError(f"this needs {name}, which is not installed; pip install 'jaxgan[{extra}]'.") from None
