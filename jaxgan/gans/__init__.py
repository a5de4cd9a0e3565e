"""One GAN a file: its two networks, and `build(config, data) -> Gan`.

`config.gan` is the name of a file here, or the path of a .py file anywhere.
"""

import ast
import contextlib
import hashlib
import importlib
import importlib.machinery
import pkgutil
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flax.errors import FlaxError

from jaxgan import config as config_lib
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo
from jaxgan.training.gan import Gan


def names() -> list[str]:
    """Return the GANs that come with the package."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def build(config: Config, data: DataInfo) -> Gan:
    """Build the GAN that `config.gan` names for images as `data` describes them.

    Args:
      config: complete, as `jaxgan.config.default()` or a file in `configs/` makes it.
      data: `DataInfo` of the images; a source has it as `source.info`.

    Raises:
      UserError: settings that cannot be, an unknown name, a file without `build`, or what the GAN refuses.
      FileNotFoundError: the path of a .py file that is not there.
    """
    if not isinstance(data, DataInfo):
        raise UserError(f"data is {type(data).__name__}; expected a jaxgan.DataInfo, such as the info of a source.")
    config_lib.validate(config)
    if not config.gan.endswith(".py"):
        with explained(config):
            return _from_package(config.gan).build(config, data)
    module = _from_file(Path(config.gan))
    if not hasattr(module, "build"):
        raise UserError(f"config.gan is {config.gan!r}, a file without a function build(config, data); add one.")
    gan = module.build(config, data)
    if not isinstance(gan, Gan):
        raise UserError(f"build of {config.gan} returns {type(gan).__name__}; expected a jaxgan.Gan.")
    return gan


@contextlib.contextmanager
def explained(config: Config) -> Iterator[None]:
    """Turn what goes wrong while networks are made or traced with settings of another kind into a UserError.

    A GAN of one's own is left to its author, who wants to see where it happened.
    """
    try:
        yield
    except UserError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError, FlaxError) as error:
        if config.gan.endswith(".py"):
            raise
        raise UserError(
            f"{config.gan} cannot be made with config.model={config.model.to_dict()} ({checks.brief(error)}); its file "
            "in configs/ shows settings that can be."
        ) from error


def added_settings(gan: str) -> dict[str, Any]:
    """Return the settings that a GAN of the package got later, with the values that stood for them before."""
    return dict(getattr(_from_package(gan), "ADDED", {})) if gan in names() else {}


def _from_package(name: str) -> types.ModuleType:
    if name not in names():
        listed = ", ".join(names())
        hint = checks.suggest(name, names())
        raise UserError(f"config.gan is {name!r}; expected one of {listed}, or the path of a .py file.{hint}")
    return importlib.import_module(f"{__name__}.{name}")


class _CustomGans:
    """What Python asks where a pickle names the module of a custom GAN that this process has not built."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        del path, target
        if name.startswith(_FILE_MODULES):
            raise UserError(
                "the pickle holds parts of a custom GAN, whose file was not read in this process; call jaxgan.build or "
                "jaxgan.load(..., trust=True) of it first."
            )


_FILE_MODULES = f"{__name__}.file:"  # followed by a digest
sys.meta_path.append(_CustomGans)


def check_alone(path: Path) -> None:
    """Raise UserError where a GAN's file imports files beside it: a run keeps a copy of it alone."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    for name in {name.partition(".")[0] for name in names} - {"jaxgan"}:
        if any((path.parent / beside).is_file() for beside in (f"{name}.py", f"{name}/__init__.py")):
            raise UserError(
                f"{path} imports {name}, which lies beside it, but a run keeps a copy of {path.name} alone; put all "
                "into that file, or install the rest as a package in another folder."
            )


def _from_file(path: Path) -> types.ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"config.gan is {str(path)!r}, but there is no such file; give the path of a .py file.")
    # A name of its own in sys.modules, where dataclasses look a module up. The same content is the same module, so that
    # what is built from it twice has equal types.
    name = f"{_FILE_MODULES}{hashlib.sha256(path.read_bytes()).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        importlib.machinery.SourceFileLoader(name, str(path)).exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
