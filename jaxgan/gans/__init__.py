"""One GAN a file: its two networks, and `build(config, data) -> Gan`.

`config.gan` is the name of a file here, or the path of a .py file anywhere.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import pkgutil
import sys
import types
from pathlib import Path

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo
from jaxgan.training.gan import Gan


def names() -> list[str]:
    """Return the GANs that come with the package."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN that `config.gan` names for pictures as `data` describes them.

    Raises:
      ValueError: unknown name, a file without `build`, or settings that the GAN refuses.
      FileNotFoundError: the path of a .py file that is not there.
    """
    module = _from_file(Path(config.gan)) if config.gan.endswith(".py") else _from_package(config.gan)
    if not hasattr(module, "build"):
        raise UserError(f"config.gan is {config.gan!r}, a file without a function build(config, data); add one.")
    return module.build(config, data)


def _from_package(name: str) -> types.ModuleType:
    if name not in names():
        listed = ", ".join(names())
        raise UserError(
            f"config.gan is {name!r}; expected one of {listed}, or the path of a .py file."
            + checks.suggest(name, names())
        )
    return importlib.import_module(f"{__name__}.{name}")


def _from_file(path: Path) -> types.ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"config.gan is {str(path)!r}, but there is no such file; give the path of a .py file.")
    # A name of its own in sys.modules, where dataclasses look a module up.
    name = f"{__name__}.file:{path.resolve()}"
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    importlib.machinery.SourceFileLoader(name, str(path)).exec_module(module)
    return module
