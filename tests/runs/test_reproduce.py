"""Results that are trained again."""

import dataclasses
import re
import types
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from cli import call

import jaxgan
from jaxgan import data
from jaxgan.rundir import saved_config
from jaxgan.runs import reproduce

ROOT = Path(__file__).parents[2]


CHANGES = {
    "train.num_steps": 2,
    "train.steps_per_call": 1,
    "eval.num": 40,
    "eval.metrics": "swd",
    "data.source": "synthetic",
    "data.skip": 0,
    "data.batch_size": 8,
}


def small_row(**changes):
    row = reproduce.Row("one", "gan_mlp", CHANGES, "swd", (0.1, 0.2), (3, 4), 1, "", "", "")
    images = data.fingerprint(data.open_source(row.complete_config(3).data))
    return dataclasses.replace(row, images=images, **changes)


def test_rows_are_those_of_the_readme():
    table = dict(re.findall(r"^\| `(\w+)`(?: \*)? \| [^|]* \| ([\d., ]+) \|$", (ROOT / "README.md").read_text(), re.M))
    assert {row.name: ", ".join(f"{score:g}" for score in row.scores) for row in reproduce.rows().values()} == table
    for row in reproduce.rows().values():
        config = row.complete_config(row.seeds[1])
        assert (config.seed, config.train.num_steps) == (row.seeds[1], row.changes["train.num_steps"])
        assert data.fingerprint(data.open_source(config.data)) == row.images


def test_a_row_that_was_changed_is_noticed(monkeypatch):
    row, sealed = next(iter(reproduce.rows().values())), reproduce._row
    for field in dataclasses.fields(row):
        if field.name != "seal":
            other = {"changes": {"train.num_steps": 1}, "scores": (1.0, 2.0), "seeds": (7,)}.get(field.name, "1")
            assert dataclasses.replace(row, **{field.name: other}).sealed() != row.seal
    monkeypatch.setattr(reproduce, "_row", lambda *given: dataclasses.replace(sealed(*given), scores=(1.0, 2.0)))
    with pytest.raises(jaxgan.UserError, match=r"row \w+ of jaxgan/runs/rows.toml was changed after it was sealed"):
        reproduce.rows()


@pytest.mark.parametrize("scores", [(1.0, 2.0), (6.7, 5.6, 5.9), (1.0, 1.0, 1.0, 3.0)])
def test_spread_is_the_prediction_interval(scores):
    row = small_row(scores=scores)
    shape = scipy.stats.describe(scores)
    width = (shape.variance * (1 + 1 / len(scores))) ** 0.5
    assert row.spread() == pytest.approx(scipy.stats.t.interval(0.95, len(scores) - 1, shape.mean, width))


@pytest.mark.long
def test_a_row_is_trained_scored_and_compared(tmp_path):
    row = small_row()
    score = reproduce.reproduce(row, tmp_path / "run", 3)
    config = saved_config.load_saved(tmp_path / "run").config
    assert (config.seed, config.train.num_steps) == (3, 2)
    assert reproduce.reproduce(row, tmp_path / "run", 3) == score
    around = dataclasses.replace(row, scores=(score - 0.01, score + 0.01))
    assert reproduce.verdict(around, score).startswith(f"swd is {score:.3g}, within the spread: ")
    with pytest.raises(jaxgan.UserError, match=f"swd is {score:.3g}, outside of the spread: "):
        reproduce.verdict(dataclasses.replace(row, scores=(score + 1, score + 1.01)), score)


def test_a_row_that_was_stopped_is_not_compared(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "train", lambda config, workdir: types.SimpleNamespace(step=np.int32(1)))
    monkeypatch.setattr(reproduce, "evaluate_run", None)
    with pytest.raises(jaxgan.UserError, match="row one is not compared: its run was stopped at step 1 of 2"):
        reproduce.reproduce(small_row(), tmp_path / "run", 3)


def test_other_images_are_refused_before_training(tmp_path):
    with pytest.raises(jaxgan.UserError, match="images of row one have the fingerprint 12ab, and those found here"):
        reproduce.reproduce(dataclasses.replace(small_row(), images="12ab"), tmp_path / "run", 3)
    assert not (tmp_path / "run").exists()


def test_the_command_lists_rows_and_names_what_is_no_row():
    done = call("--mode=reproduce")
    assert done.returncode == 0
    assert done.stdout.splitlines()[: len(reproduce.rows())] == [row.line() for row in reproduce.rows().values()]
    done = call("--mode=reproduce", "--row=mnst")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert 'Did you mean "mnist"' in done.stderr
