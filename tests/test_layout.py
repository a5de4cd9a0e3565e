"""The house: who may import whom, how long files and functions may be, what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "jaxgan"

# A file imports only from lower floors, or from its own folder.
FLOORS = {
    "base": 0, "moved": 0,
    "parts": 1,
    "config_files": 2,
    "data": 2, "nets": 2, "objectives": 2, "sampling": 2,
    "config": 3, "metrics": 3,
    "training": 4,
    "gans": 5, "views": 5,
    "rundir": 6,
    "generators": 7,
    "runs": 8,
    "__init__": 9,
    "cli": 10,
    "__main__": 11,
}  # fmt: skip
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """The part of the house that a file is in: a top-level file or folder."""
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "jaxgan":
            parts = node.module.split(".")
            yield from [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            yield from (a.name.split(".")[1] for a in node.names if a.name.startswith("jaxgan."))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_import_from_lower_floors(path):
    here = room(path)
    for there in imported_rooms(path):
        assert there == here or FLOORS[there] < FLOORS[here], f"{here} imports {there}"


def test_a_folder_is_seen_at_a_glance():
    folders = {path.parent for path in FILES}
    assert max(len([*folder.glob("[!_]*.py")]) for folder in folders) <= 15


@pytest.mark.parametrize(
    ("word", "owner"),
    [
        ("orbax", "rundir/checkpoint.py"),
        ("jax.pmap", "training/parallel.py"),
        ("jax.distributed", "base/processes.py"),
    ],
)
def test_one_file_says_it(word, owner):
    code = {path.relative_to(PACKAGE): path.read_text() for path in FILES}
    said = [str(path) for path, text in code.items() if f"import {word}" in text or f"{word}(" in text]
    assert set(said) <= {owner}


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_files_and_functions_stay_short(path):
    text = path.read_text()
    assert text.count("\n") <= 330
    assert "jax._src" not in text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            code = node.body[-1].end_lineno - node.body[0].lineno + 1
            doc = ast.get_docstring(node)
            assert code - (doc.count("\n") + 1 if doc else 0) <= 60, f"{node.name} has {code} lines"


def test_importing_is_quick_and_light():
    code = """
import sys, time
import jax
start = time.perf_counter()
import jaxgan
print(time.perf_counter() - start)
print([m for m in ("tensorflow", "tensorflow_datasets", "matplotlib", "orbax.checkpoint") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, heavy = done.stdout.splitlines()
    assert float(seconds) < 2
    assert heavy == "[]"


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imported_modules(path):
    """Return the modules of the package that a file imports anywhere: at its top, inside functions, for types."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            found = name if name in MODULES else name.rpartition(".")[0]
            if found in MODULES:
                yield found


def test_no_modules_import_each_other_in_a_circle():
    waiting = {name: set(imported_modules(path)) - {name} for name, path in MODULES.items()}
    while ready := [name for name, imports in waiting.items() if not imports & waiting.keys()]:
        for name in ready:
            del waiting[name]
    # Those that only wait for a circle are not part of it.
    while ends := [name for name in waiting if not any(name in imports for imports in waiting.values())]:
        for name in ends:
            del waiting[name]
    assert sorted(waiting) == []
