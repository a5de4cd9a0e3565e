"""The pages that are made, and what must be on them; that the site builds is seen to where lint runs."""

import importlib.util

from cli import ROOT

import jaxgan
from jaxgan import config
from jaxgan.base.settings import Setting, flatten
from jaxgan.config import default


def settings_page():
    spec = importlib.util.spec_from_file_location("settings_page", ROOT / "docs" / "settings_page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    section, found = "", {}
    for line in module.page().splitlines():
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


def test_a_new_setting_is_on_the_page(monkeypatch):
    about, entries = config.SECTIONS["train"]
    added = Setting("novelty", 1.0, "how new it is", 0, 9, needs=("augment",))
    monkeypatch.setitem(config.SECTIONS, "train", (about, (*entries, added)))
    assert settings_page()["train.novelty"] == ("1.0", "0 to 9", "how new it is; needs augment")


def test_all_public_names_are_on_their_page():
    page = (ROOT / "docs" / "api.md").read_text()
    named = [line.removeprefix("::: ") for line in page.splitlines() if line.startswith("::: ")]
    assert sorted(name.rpartition(".")[2] for name in named) == sorted(jaxgan.__all__)
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert getattr(importlib.import_module(module), attribute) is getattr(jaxgan, attribute)
