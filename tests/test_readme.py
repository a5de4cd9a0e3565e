"""The README's commands do what it says, with fewer steps and smaller batches."""

import functools
import re
import shlex
from unittest import mock

import numpy as np
import pytest
from cli import ROOT, call
from PIL import Image

from jaxgan.cli.modes import MODES
from jaxgan.metrics import reference
from jaxgan.runs import evaluate

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
RUNS = [line for line in COMMANDS if line.startswith("python run.py")]
QUICK = [
    "--config.train.num_steps=1",
    "--config.data.batch_size=4",
    "--config.sample.num=4",
    "--config.train.sample_every=1",
]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Where the README's runs and pictures lie in this test."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "my_pictures").mkdir()
    rng = np.random.default_rng(0)
    for i in range(5):
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / "my_pictures" / f"{i}.png")
    return folder


def test_every_command_is_one_that_is_run():
    assert len(RUNS) >= 6
    others = [line for line in COMMANDS if line not in RUNS]
    assert [line.split(" && ")[0] for line in others] == ["python3 -m venv .venv"] * 2
    assert "run.py --config=configs/gan_mlp.py" in others[0]
    assert others[1].endswith(".venv/bin/python -m pytest -n 2 --dist=loadfile")


@pytest.fixture(scope="module")
def done(here):
    """Run them in order, for later ones read what earlier ones wrote; score against few real pictures."""
    results, pictures_of = {}, functools.partial(reference.pictures_of, most=1_000)
    for line in RUNS:
        args = shlex.split(line)[2:]
        quick = [] if any(arg.startswith("--mode") for arg in args) else QUICK
        quick += ["--num=64"] * ("--mode=evaluate" in args)
        with mock.patch.object(evaluate, "pictures_of", pictures_of):
            results[line] = call(*args_at(args, here), *quick)
    return results


def args_at(args, here):
    return [re.sub(r"=(runs/|my_pictures)", rf"={here}/\1", arg) for arg in args]


@pytest.mark.parametrize("line", RUNS)
def test_commands(line, done):
    assert done[line].returncode == 0, done[line].stderr


def test_python_lines(done, here):
    assert done
    (code,) = [block for kind, block in BLOCKS if kind == "python"]
    names = {}
    exec(code.replace("runs/dcgan", f"{here}/runs/dcgan"), names)
    assert (names["pictures"].shape, names["pixels"].dtype) == ((16, 28, 28, 1), np.uint8)
    assert names["one"].shape == (1, 28, 28, 1)
    assert names["sevens"].shape == (9, 28, 28, 1)


def test_pictures_are_there():
    for path in re.findall(r"!\[.*?\]\((.*?)\)", README):
        with Image.open(ROOT / path) as image:
            assert image.width > 50


def test_layout_names_what_is_there():
    layout = next(block for kind, block in BLOCKS if kind == "" and "run.py" in block)
    for path in [
        *(ROOT / "jaxgan").glob("*.py"),
        *(p for p in (ROOT / "jaxgan").iterdir() if (p / "__init__.py").exists()),
    ]:
        name = path.name if path.suffix else f"{path.name}/"
        assert name.removesuffix(".py") in layout, f"{name} is missing in README's layout"


def test_the_table_of_modes_has_the_flags_that_they_read():
    listed = {}
    for mode, flags in re.findall(r"^\| `(\w+)` \|.*\| ([^|]*--[^|]*) \|$", README, re.MULTILINE):
        listed.setdefault(mode, set()).update(re.findall(r"--(\w+)", flags))
    assert listed == {name: set(mode.reads.split()) for name, mode in MODES.items()}
