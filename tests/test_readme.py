"""The commands of README and docs do what it says, with fewer steps and smaller batches."""

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


def blocks(page):
    """The blocks of code of a page, each with its language."""
    return re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


def commands(page):
    return [line for kind, block in blocks(page) if kind == "sh" for line in block.splitlines()]


PAGES = [
    "README.md",
    *(f"docs/{page}.md" for page in ("tutorials/first_gan", "tutorials/own_images", "reference/commands")),
]
RUNS = list(dict.fromkeys(line for page in PAGES for line in commands(page) if line.startswith("python run.py")))
QUICK = [
    "--config.train.num_steps=1",
    "--config.data.batch_size=4",
    "--config.sample.num=4",
    "--config.train.sample_every=1",
]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Where the README's runs and images lie in this test."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "my_images").mkdir()
    rng = np.random.default_rng(0)
    for i in range(12):  # scores take as many
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), np.uint8)).save(folder / "my_images" / f"{i}.png")
    return folder


def test_every_command_is_one_that_is_run():
    assert len(RUNS) >= 10
    others = [line for line in commands("README.md") if line not in RUNS]
    assert [line.split(" && ")[0] for line in others] == ["python3 -m venv .venv"] * 2
    assert "run.py --config=configs/gan_mlp.py" in others[0]
    assert others[1].endswith(".venv/bin/python -m pytest -n 2 --dist=loadfile")


@pytest.fixture(scope="module")
def done(here):
    """Run them in order, for later ones read what earlier ones wrote; score against few real images."""
    results, images_of = {}, functools.partial(reference.images_of, most=1_000)
    for line in RUNS:
        args = shlex.split(line)[2:]
        quick = [] if any(arg.startswith("--mode") for arg in args) else QUICK
        quick += ["--num=64"] * ("--mode=evaluate" in args)
        with mock.patch.object(evaluate, "images_of", images_of):
            results[line] = call(*args_at(args, here), *quick)
    return results


def args_at(args, here):
    return [re.sub(r"=(runs/|my_images)", rf"={here}/\1", arg) for arg in args]


@pytest.mark.long
@pytest.mark.parametrize("line", RUNS)
def test_commands(line, done):
    assert done[line].returncode == 0, done[line].stderr


def names_after(page, here):
    """Run a page's Python, and return its names."""
    (code,) = [block for kind, block in blocks(page) if kind == "python"]
    names = {}
    exec(code.replace("runs/", f"{here}/runs/"), names)
    return names


@pytest.mark.long
def test_python_lines(done, here):
    assert done
    names = names_after("README.md", here)
    assert names["images"].shape == (16, 28, 28, 1)
    with Image.open(here / "runs" / "sixteen.png") as image:
        assert image.width == image.height
    assert names["found"].images.shape == (4, 28, 28, 1)
    assert names["sevens"].shape == (9, 28, 28, 1)


@pytest.mark.long
def test_python_lines_of_the_first_tutorial(done, here):
    assert done
    shown = names_after("docs/tutorials/first_gan.md", here)["shown"]
    with Image.open(here / "runs" / "gan_mlp" / "python.png") as image:
        assert shown.num == 16
        assert image.width == image.height >= shown.pixels.shape[0]


@pytest.mark.parametrize("page", ["README.md", *sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("docs/**/*.md"))])
def test_images_and_pages_are_there(page):
    text, folder = (ROOT / page).read_text(), (ROOT / page).parent
    for path in re.findall(r"!\[.*?\]\((.*?)\)", text):
        with Image.open(folder / path) as image:
            assert image.width > 50
    for path in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (folder / path).exists(), path


def test_layout_names_what_is_there():
    layout = next(block for kind, block in blocks("docs/explanation/inside.md") if kind == "" and "run.py" in block)
    for path in [
        *(ROOT / "jaxgan").glob("*.py"),
        *(p for p in (ROOT / "jaxgan").iterdir() if (p / "__init__.py").exists()),
    ]:
        name = path.name if path.suffix else f"{path.name}/"
        assert name.removesuffix(".py") in layout, f"{name} is missing in the layout of docs/explanation/inside.md"


def test_the_table_of_modes_has_the_flags_that_they_read():
    listed = {}
    for mode, flags in re.findall(
        r"^\| `(\w+)` \|.*\| ([^|]*--[^|]*) \|$", (ROOT / "docs/reference/commands.md").read_text(), re.MULTILINE
    ):
        listed.setdefault(mode, set()).update(re.findall(r"--([\w.]+)", flags))
    assert listed == {name: set(mode.reads.split()) for name, mode in MODES.items()}
