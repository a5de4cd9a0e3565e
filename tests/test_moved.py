"""Imports that documentation of earlier versions taught go on working, with a warning."""

import importlib
import sys

import pytest

from jaxgan.moved import MOVED

# From finished.py and recipes.md of the docs before the modules moved, and from a copy of a bundled GAN.
TAUGHT = """
from jaxgan.base import checks, shapes
from jaxgan.metrics import digits, reference, suite
from jaxgan.runs import folder, metrics_log, steps
from jaxgan.runs.early_stop import has_stalled
from jaxgan.runs.journal import first_collapse, watch_again
"""
USED = {
    "digits": ["load_digits"],
    "folder": ["load_config"],
    "metrics_log": ["read_metrics"],
    "shapes": ["check_exact", "check_multiples"],
    "steps": ["saved_steps"],
}


@pytest.fixture(autouse=True)
def forgotten():
    """Let each test import the old names for the first time."""
    for old in MOVED:
        sys.modules.pop(old, None)
        parent, _, name = old.rpartition(".")
        if hasattr(sys.modules.get(parent), name):
            delattr(sys.modules[parent], name)


@pytest.mark.parametrize("old", MOVED)
def test_an_old_name_is_the_new_module(old):
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}; import that") as caught:
        found = importlib.import_module(old)
    assert found is importlib.import_module(MOVED[old])
    assert found.__name__ == found.__spec__.name == MOVED[old]
    assert len(caught) == 1


def test_lines_that_were_taught_find_what_they_name():
    names = {}
    with pytest.warns(DeprecationWarning, match="is now") as caught:
        exec(TAUGHT, names)
    assert len(caught) == 7
    assert {"has_stalled", "first_collapse", "watch_again"} <= names.keys()
    assert all(hasattr(names[module], name) for module, used in USED.items() for name in used)


def test_other_names_are_still_unknown():
    with pytest.raises(ModuleNotFoundError, match=r"jaxgan\.runs\.nothing"):
        importlib.import_module("jaxgan.runs.nothing")
