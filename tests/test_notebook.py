"""The cells of docs/tutorials/quickstart.ipynb run one after the other, with fewer steps, and its images are in it."""

import json

import pytest
from cli import ROOT

CELLS = json.loads((ROOT / "docs" / "tutorials" / "quickstart.ipynb").read_text())["cells"]
SHORTER = {"num_steps = 6_000": "num_steps = 4", "log_every = 2_000": "log_every = 2", "num=2_000": "num=64"}


@pytest.mark.long
def test_all_cells_run():
    names, shortened = {}, 0
    for cell in CELLS:
        if cell["cell_type"] == "code":
            text = "".join(cell["source"])
            for long, short in SHORTER.items():
                shortened += long in text
                text = text.replace(long, short)
            exec(text, names)
    assert shortened == len(SHORTER)
    assert [step for step, _ in names["losses"]] == [2, 4]
    assert names["scores"]["metrics"]["fd_mnist"] > 0
    assert names["walk"].shape == (10, 28, 28, 1)


def test_its_images_are_in_it():
    shown = [out["data"] for cell in CELLS for out in cell.get("outputs", []) if "data" in out]
    assert sum("image/png" in data for data in shown) == 4
    assert not any("error" in out["output_type"] for cell in CELLS for out in cell.get("outputs", []))
