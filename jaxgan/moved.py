"""Old names of modules that documentation of earlier versions taught. They import the new modules, with a warning."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
import warnings
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {  # old: new
    "jaxgan.base.config_files": "jaxgan.config_files",
    "jaxgan.base.shapes": "jaxgan.base.checks",
    "jaxgan.metrics.digits": "jaxgan.metrics.features.digits",
    "jaxgan.runs.early_stop": "jaxgan.runs.health.early_stop",
    "jaxgan.runs.export": "jaxgan.generators.export",
    "jaxgan.runs.folder": "jaxgan.rundir.saved_config",
    "jaxgan.runs.foreign": "jaxgan.generators.import_weights",
    "jaxgan.runs.journal": "jaxgan.runs.health.health",
    "jaxgan.runs.load": "jaxgan.generators.load",
    "jaxgan.runs.loop": "jaxgan.runs.train",
    "jaxgan.runs.metrics_log": "jaxgan.rundir.metrics_log",
    "jaxgan.runs.steps": "jaxgan.rundir.steps",
    "jaxgan.sampling.standing": "jaxgan.sampling.recalibration",
}


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds the old names, and puts the new modules in their place in `sys.modules`."""

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Return a spec for a name in MOVED, else None."""
        return importlib.util.spec_from_loader(fullname, self) if fullname in MOVED else None

    def exec_module(self, module: ModuleType) -> None:
        """Replace the empty module by the one that its name stands for."""
        old = module.__name__
        warnings.warn(f"{old} is now {MOVED[old]}; import that.", DeprecationWarning, stacklevel=2)
        sys.modules[old] = importlib.import_module(MOVED[old])


def install() -> None:
    """Add the finder after all others, so that it never hides a module."""
    sys.meta_path.append(Finder())
