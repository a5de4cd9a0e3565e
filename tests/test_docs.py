"""The pages that are made, and what must be on them; that the site builds is seen to where lint runs."""

import functools
import importlib.util
import json
import re
import tomllib
from pathlib import Path

import prose
import pytest
from cli import ROOT

import jaxgan
from jaxgan import config, metrics, nets
from jaxgan.base.settings import Setting, flatten
from jaxgan.config import default

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
# What readers go through line by line.
FOLLOWED = [PAGES[0], *(page for page in PAGES if page.parent.name in ("tutorials", "howto"))]

# Expressions to avoid, each with the field's own.
AVOIDED = {
    r"pictures?": "image",
    r"laws?": "distribution",
    r"mend(s|ed|ing)?": "fix",
    r"of one's own": "custom, your own",
    r"by heart": "memorised",
    r"comes? along": "bundled, pretrained",
    r"replicas?": "seeds, runs",
    r"(is|are) said": "reports, prints",
    r"(the|a) watch": "health checks",
    r"journals?": "metrics writer, recorder",
    r"standing statistics": "BatchNorm recalibration",
    r"uneven data": "classes with unequal counts",
    r"is sure": "overfits",
    r"what moves": "optimiser state, moments",
    r"make of a file": "decoder",
    r"without memory": "out of memory",
    r"to the bit": "bit for bit",
    r"learnt": "learned, memorised",
    r"at each \w+-th": "every k steps",
    r"(images|scores|runs|versions) of before": "previous",
    r"the one\b[^.]*\bthe other": "both, or each by its name",
    r"sides": "shape, size, H x W",
}


# What else people read, in which names of arguments, settings and flags are no words.
OTHERS = [
    *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.ipynb")),
    *sorted(path for room in ("jaxgan", "configs", "examples") for path in (ROOT / room).rglob("*.md")),
    *sorted(path for room in ("jaxgan", "configs", "examples") for path in (ROOT / room).rglob("*.py")),
]
# Where readers find lines to type.
TYPED = [page for page in (*PAGES, *OTHERS) if page.suffix != ".py" or page.parent.name == "configs"]
NAMES = r"^\s*\w+: |^workdir [\w. ]+$|--\w+|\b\w+=|`[^`]*`"


def made(name):
    """Import a script of the folder of docs."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def name_of(page):
    return str(page.relative_to(ROOT))


def avoided(text):
    """Return the expressions to avoid that stand in a text."""
    found = {say: re.search(rf"\b({bad})\b", text, re.IGNORECASE) for bad, say in AVOIDED.items()}
    return {say: match[0] for say, match in found.items() if match}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_pages_use_the_terms_of_the_field(page):
    assert not avoided("\n".join(prose.paragraphs(page.read_text())))


@pytest.mark.parametrize("path", OTHERS, ids=name_of)
def test_docstrings_messages_and_other_texts_use_them_too(path):
    if path.suffix == ".md":
        texts = prose.paragraphs(path.read_text())
    elif path.suffix == ".ipynb":
        cells = json.loads(path.read_text())["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    else:
        texts = list(prose.texts(path.read_text()))
    assert not avoided(re.sub(NAMES, "x", "\n".join(texts), flags=re.MULTILINE))


def test_a_term_to_avoid_is_found_in_docstrings_and_in_parts_of_messages():
    code = '"""Pictures of it."""\nprint(f"by {heart}, by " "heart", "sides")\n'
    assert avoided("\n".join(prose.texts(code))) == {"image": "Pictures", "memorised": "by heart"}


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_sentences_are_short(page):
    assert [one for one in prose.sentences(page.read_text()) if len(prose.words(one)) > 30] == []


def test_readme_is_short():
    text = (ROOT / "README.md").read_text()
    assert sum(len(prose.words(one)) for one in prose.paragraphs(text)) < 450
    without_tables = re.sub(r"^\|.*$", "", text, flags=re.MULTILINE)
    assert sum(word[0].isdigit() for one in prose.paragraphs(without_tables) for word in prose.words(one)) < 25


def test_each_page_is_of_one_kind_and_in_the_contents():
    listed = re.findall(r": ([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)
    pages = [str(page.relative_to(ROOT / "docs")) for page in PAGES[1:]]
    assert sorted(listed) == sorted(pages)
    kinds = {Path(page).parent.name for page in pages} - {""}
    assert kinds == {"tutorials", "howto", "reference", "explanation"}
    entry = (ROOT / "docs" / "index.md").read_text()
    assert [page for page in pages if f"]({page})" not in entry] == ["index.md"]


def settings_page():
    section, found = "", {}
    for line in made("settings_page").tables().splitlines():
        if line.startswith("## "):
            section = line[3:] if line != "## General" else ""
        elif line.startswith("| `"):
            name, value, bounds, about = (cell.strip() for cell in line.strip("|").split("|"))
            found[f"{section}.{name.strip('`')}".lstrip(".")] = value.strip("`"), bounds, about
    return found


def test_all_settings_are_on_their_page_with_all_that_the_table_holds():
    found, all_defaults = settings_page(), flatten(default())
    defaults = {path: value for path, value in all_defaults.items() if not path.startswith("sweep.")}
    assert {path: value for path, (value, *_) in found.items()} == {
        path: repr(tuple(value) if isinstance(value, list) else value) for path, value in defaults.items()
    }
    assert found["data.mirror"][2] == "add the left-right flip of every image; wrong for digits and text; fixed"
    assert "rpgan" in found["loss"][2]
    assert found["penalty.r1"][1:] == ("0 to 1,000,000,000", "weight of this penalty; swept")
    swept = {path for path, (*_, about) in found.items() if about.endswith("swept")}
    assert {f"sweep.{path}" for path in swept} == all_defaults.keys() - defaults.keys()


def test_the_page_of_settings_is_that_of_today():
    made_now = made("settings_page")
    assert made_now.PAGE.read_text() == made_now.tables(), "python docs/settings_page.py writes the page anew"


def test_a_new_setting_is_on_the_page(monkeypatch):
    about, entries = config.SECTIONS["train"]
    added = Setting("novelty", 1.0, "how new it is", 0, 9, needs=("augment",))
    monkeypatch.setitem(config.SECTIONS, "train", (about, (*entries, added)))
    assert settings_page()["train.novelty"] == ("1.0", "0 to 9", "how new it is; needs augment")


def test_all_public_names_are_on_their_page_as_they_are_called():
    api = made("api_page")
    page = api.PAGE.read_text()
    assert sorted(api.ROW.findall(page)) == sorted(api.public())
    assert page == api.rewritten(page), "python docs/api_page.py writes the page anew"


def test_code_of_pages_imports_only_what_is_public():
    rooms = {"config": ["default"], "metrics": metrics.__all__, "nets": nets.__all__}
    for page in PAGES:
        code = "\n".join(re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL))
        for room, names in re.findall(r"^from jaxgan\.?(\S*) import (.+)$", code, re.MULTILINE):
            for name in names.split(", "):
                assert name in (rooms.get(room, ()) if room else {*rooms, *jaxgan.__all__}), f"{page}: {name}"


@pytest.mark.parametrize("page", [*PAGES, *(path for path in OTHERS if path.suffix in (".md", ".ipynb"))], ids=name_of)
def test_installs_leave_the_checkout_in_use(page):
    """Without -e, pip copies the package, and edits of the checkout then change nothing."""
    assert re.findall(r"pip install (?!.*-e )[^`\n]*(?<![\w.])'?\.(?![\w.]).*", page.read_text()) == []


@functools.cache
def fields_of_presets():
    """Return the default of each field that a preset has, {path: value}; those of models by any preset."""
    presets = [jaxgan.get_config(str(file)) for file in (ROOT / "configs").glob("*.py")]
    return {path: value for preset in presets for path, value in flatten(preset).items()}


@pytest.mark.parametrize("page", TYPED, ids=name_of)
def test_commands_name_flags_settings_and_presets_that_there_are(page):
    from jaxgan.cli.flags import FLAGS

    known = fields_of_presets()
    for path, value in re.findall(r"--(?:no)?config\.([\w.]*\w)(?:=([^\s`'\",|<>)]+))?", page.read_text()):
        if path.isupper() or "FIELD" in path:  # stands for any
            continue
        name = path.removeprefix("sweep.")
        assert name in known or any(other.startswith(f"{name}.") for other in known), path
        if name in config.SETTINGS and config.SETTINGS[name].choices and value and not value.isupper():
            assert {*value.split(",")} <= {*config.SETTINGS[name].choices} or ".py:" in value, (path, value)
    for line in re.findall(r"^(?:python run\.py|jaxgan|python -m jaxgan) .*", page.read_text(), re.MULTILINE):
        for flag in re.findall(r" --(\w+)(?=[=\s]|$)", line):
            assert flag in FLAGS or flag == "config", line
        for file in re.findall(r"--config=(configs/\w+\.py)", line):
            assert (ROOT / file).is_file() or "PRESET" in file, line


def test_all_places_that_name_the_version_name_the_same():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)[1].strip('"') == version
    assert re.search(r"^## \[?([\d.]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version
    assert jaxgan.__version__ == version


def test_the_walk_through_a_step_names_functions_that_there_are():
    page = (ROOT / "docs" / "explanation" / "step.md").read_text()
    walk = page[page.index("## What the step does") : page.index("## What other systems change")]
    code = "\n".join(
        path.read_text() for room in ("training", "base") for path in (ROOT / "jaxgan" / room).glob("*.py")
    )
    named = re.findall(r"`(?:axis\.)?(\w+_\w+)(?:\([^`]*\))?`", walk)
    assert len(named) > 8
    assert [name for name in named if not re.search(rf"\b{name}\b", code)] == []
    preset = (ROOT / "configs" / "dcgan.py").read_text()
    quoted = [line for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert [line for line in quoted if line not in preset] == []
