"""The files of configurations, `configs/*.py`: bundled ones, and a user's own."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from ml_collections import ConfigDict

from jaxgan.base.checks import UserError
from jaxgan.base.types import Config


def get_config(name: str, *argument: str) -> Config:
    """Return the configuration of a system, complete and ready to be changed.

    Args:
      name: a bundled one, such as 'dcgan', or a Python file with a function get_config().
      argument: of that function.

    Raises:
      UserError, FileNotFoundError: no such file, or it has no such function.
    """
    path = find_file(name)
    spec = importlib.util.spec_from_file_location("config_file", path)
    if not path.is_file() or spec is None or spec.loader is None:
        known = ", ".join(sorted(file.stem for file in own_configs().glob("*.py")))
        raise FileNotFoundError(f"--config={name} is no Python file; give one as configs/dcgan.py, or a name: {known}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look a module up
    with own_imports() if path.parent == own_configs() else contextlib.nullcontext():
        spec.loader.exec_module(module)
    config = None
    if hasattr(module, "get_config"):
        try:
            inspect.signature(module.get_config).bind(*argument)
        except TypeError as error:
            given = ":".join([name, *argument])
            raise UserError(f"--config={given} does not fit its get_config ({error}).") from None
        config = module.get_config(*argument)
    if not isinstance(config, ConfigDict):
        raise UserError(f"--config={name} has no get_config() that returns a ConfigDict; configs/dcgan.py shows one.")
    return config


def find_file(name: str) -> Path:
    """Return the file that --config names."""
    path = Path(name)
    bundled = own_configs() / f"{name}.py"
    return bundled if path.name == name and not path.is_file() and bundled.is_file() else path


def own_configs() -> Path:
    """Return the folder of the bundled configurations: in the package, or beside it in a checkout."""
    package = Path(__file__).parent
    return package / "configs" if (package / "configs").is_dir() else package.parent / "configs"


@contextlib.contextmanager
def own_imports() -> Iterator[None]:
    """Let `from configs.dcgan import get_config` mean ours, whatever else is called so."""
    before = {name: module for name, module in sys.modules.items() if name.partition(".")[0] == "configs"}
    ours = types.ModuleType("configs")
    ours.__path__ = [str(own_configs())]
    for name in before:
        del sys.modules[name]
    sys.modules["configs"] = ours
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "configs"]:
            del sys.modules[name]
        sys.modules.update(before)
