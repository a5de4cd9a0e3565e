"""Parts that a setting names: bundled ones, those registered in Python, and NAME of a user's file, as file.py:NAME.

The file is executed when a part of it is asked for. A custom GAN is such a file, too: config.gan names all of it.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import inspect
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from jaxgan.base import checks
from jaxgan.base.checks import UserError

T = TypeVar("T")

_MODULES = "jaxgan.file:"  # followed by a digest


class Parts(dict[str, T], Generic[T]):
    """Parts of one kind by name.

    Args:
      setting: that names one.
      bundled: those of the package.
      made: returns the part that a name and a user's object stand for, or raises UserError.
    """

    def __init__(self, setting: str, bundled: Mapping[str, T], made: Callable[[str, Any], T]):
        super().__init__(bundled)
        self.setting, self.bundled, self._made = setting, tuple(bundled), made

    def add(self, name: str, given: Any) -> None:
        """Register a part in this process; UserError for the name of a bundled one, or what is no such part."""
        if not isinstance(name, str) or not name.isidentifier() or name in self.bundled:
            raise UserError(
                f"{name!r} is to be a name for {self.setting}; expected letters, digits, _, and none of "
                f"{', '.join(self.bundled)}."
            )
        self[name] = self._made(name, given)

    def check(self, name: str) -> None:
        """Raise UserError for an unknown name; a file is not looked at."""
        if not file_of(name)[0]:
            checks.one_of(self.setting, name, [*self, "file.py:NAME", "a registered name"])

    def find(self, name: str) -> T:
        """Return the part of a name, or of file.py:NAME."""
        self.check(name)
        return self._made(file_of(name)[1], read(self.setting, name)) if file_of(name)[0] else self[name]


def file_of(value: str) -> tuple[str, str]:
    """Return (file.py, NAME) of file.py:NAME, (file.py, '') of file.py, and ('', value) of anything else."""
    file, _, name = value.rpartition(":")
    if file.endswith(".py"):
        return file, name
    return (value, "") if value.endswith(".py") else ("", value)


def read(setting: str, value: str) -> Any:
    """Execute a file, and return what a setting's value of the form file.py:NAME names in it.

    Raises:
      FileNotFoundError: there is no such file.
      UserError: another form, or nothing of that name in the file.
    """
    file, name = file_of(value)
    if not file or not name:
        raise UserError(f"{setting} is {value!r}; expected file.py:NAME.")
    module = execute(setting, file)
    if not hasattr(module, name):
        raise UserError(
            f"{setting} is {value!r}, but {file} has no {name}; add it." + checks.suggest(name, dir(module))
        )
    return getattr(module, name)


def content(setting: str, file: str) -> bytes:
    """Return the content of a Python file that a setting names, or raise FileNotFoundError."""
    if not Path(file).is_file():
        raise FileNotFoundError(f"{setting} is {file!r}, but there is no such file; give the path of a .py file.")
    return Path(file).read_bytes()


def execute(setting: str, file: str) -> types.ModuleType:
    """Return the module that a file is, executed once."""
    # A name of its own in sys.modules, where dataclasses look a module up. The same content is the same module, so that
    # what is built from it twice has equal types.
    name = f"{_MODULES}{hashlib.sha256(content(setting, file)).hexdigest()}"
    if name in sys.modules:
        return sys.modules[name]
    module = types.ModuleType(name)
    module.__file__ = file
    sys.modules[name] = module
    try:
        importlib.machinery.SourceFileLoader(name, file).exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _OfFiles:
    """What Python asks where a pickle names the module of a file that this process has not executed."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> None:
        del path, target
        if name.startswith(_MODULES):
            raise UserError(
                "the pickle holds parts of a custom GAN, whose file was not read in this process; call jaxgan.build or "
                "jaxgan.load(..., trust=True) of it first."
            )


sys.meta_path.append(_OfFiles)


def check_alone(path: Path) -> None:
    """Raise UserError where a file imports files beside it: a run keeps a copy of it alone."""
    nodes = list(ast.walk(ast.parse(path.read_bytes())))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    for name in {name.partition(".")[0] for name in names} - {"jaxgan"}:
        if any((path.parent / beside).is_file() for beside in (f"{name}.py", f"{name}/__init__.py")):
            raise UserError(
                f"{path} imports {name}, which lies beside it, but a run keeps a copy of {path.name} alone; put all "
                "into that file, or install the rest as a package in another folder."
            )


def check_call(what: str, function: Any, arguments: str) -> None:
    """Raise UserError unless a function, which `what` describes, can be called with 'some, arguments'."""
    try:
        inspect.signature(function).bind(*arguments.split(", "))
    except TypeError as error:
        raise UserError(f"{what} is called with ({arguments}), which it does not take ({error}).") from None
    except ValueError:
        pass  # a function in C, which does not tell
