"""A user's Python files in a run: the copies that it keeps, and the consent that executing them needs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path

from jaxgan import parts
from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config
from jaxgan.config import with_files
from jaxgan.rundir.layout import GAN_FILE

MOST_BYTES = 2**24  # of a file

# Settings whose code a whole GAN needs; what only generates needs that of the first.
BUILT = ("gan", "loss", "penalty.own")


def _copy_name(path: str, file: str) -> str:
    """Return the name of a run's copy of a file that a setting names."""
    return GAN_FILE if path == "gan" else Path(file).name


def copies(config: Config) -> dict[str, bytes]:
    """Return the user's Python files that a configuration names, by the names of their copies in a run.

    Raises:
      FileNotFoundError: one is missing.
      UserError: two have one name, or one imports files beside it.
    """
    found: dict[str, bytes] = {}

    def add(path: str, file: str) -> str:
        name, content = _copy_name(path, file), parts.content(f"config.{path}", file)
        parts.check_alone(Path(file))
        if found.setdefault(name, content) != content:
            raise UserError(f"config.{path} is in {file}, but a run keeps another file as {name}; rename one of them.")
        return file

    with_files(config, add)
    return found


def digests(code: Mapping[str, bytes]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in code.items()}


def by_copies(config: Config, code: Collection[str]) -> Config:
    """Return a configuration in which files have the names of their copies, as where they lie does not matter."""
    return with_files(config, lambda path, file: name if (name := _copy_name(path, file)) in code else file)


def trusted(
    workdir: str | Path, config: Config, code: Mapping[str, str], *, trust: bool, executes: Collection[str]
) -> Config:
    """Return a run's configuration whose code is that of its copies; see `saved_config.trusted_config`.

    Args:
      workdir: folder of the run.
      config: as it was saved.
      code: digests of the copies by name; a file without one is read where it lies.
      trust: consent to execute them.
      executes: settings whose code will be.
    """

    def allowed(path: str, file: str) -> str:
        if path not in executes:
            return file
        copy, known = Path(workdir) / _copy_name(path, file), code.get(_copy_name(path, file))
        where = copy if known else Path(file)
        if not trust:
            raise UserError(
                f"config.{path} of {workdir} is {where}, a file that would be executed; look at it, then say --trust "
                "(or load(..., trust=True))."
            )
        if known and not copy.exists():
            raise UserError(f"{copy} is missing, which config.{path} needs; restore it from a copy.")
        if known and hashlib.sha256(files.read(copy, MOST_BYTES)).hexdigest() != known:
            raise UserError(f"{copy} is not the file that the run was made with; restore it from a copy.")
        return str(where)

    return with_files(config, allowed)
