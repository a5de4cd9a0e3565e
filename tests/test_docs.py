"""The pages that are made, and what must be on them; that the site builds is seen to where lint runs."""

import importlib.util

from cli import ROOT

import jaxgan
from jaxgan.base.settings import flatten
from jaxgan.config import default


def test_all_settings_are_on_their_page_with_what_the_source_says_of_them():
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "docs" / "settings_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    page = module.page()
    section = ""
    found = {}
    for line in page.splitlines():
        if line.startswith("## "):
            section = line[3:] if line != "## General" else ""
        elif line.startswith("| `"):
            name, value, about = (cell.strip() for cell in line.strip("|").split("|"))
            found[f"{section}.{name.strip('`')}".lstrip(".")] = value.strip("`"), about
    assert {path: value for path, (value, _) in found.items()} == {k: repr(v) for k, v in flatten(default()).items()}
    assert found["data.mirror"][1] == "add the left-right flip of every image; wrong for digits and text"
    assert "rpgan" in found["loss"][1]
    assert found["penalty.r1"][1] == "weights of D's gradient penalties"


def test_all_public_names_are_on_their_page():
    page = (ROOT / "docs" / "api.md").read_text()
    named = [line.removeprefix("::: ") for line in page.splitlines() if line.startswith("::: ")]
    assert sorted(name.rpartition(".")[2] for name in named) == sorted(jaxgan.__all__)
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert getattr(importlib.import_module(module), attribute) is getattr(jaxgan, attribute)
