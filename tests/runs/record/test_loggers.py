"""Where else metrics and grids go."""

import collections
import csv
import struct
import sys
import types

import pytest
import tiny
from tensorboardX.proto.event_pb2 import Event

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.rundir import layout
from jaxgan.rundir.metrics_log import read_metrics
from jaxgan.runs.record import loggers


def train(workdir, num_steps, log_to, **more):
    config = tiny.get_config()
    config.train.update(num_steps=num_steps, log_to=log_to, sample_every=3)
    config.eval.update(num=20, metrics="swd", **more)
    jaxgan.train(config, workdir)


def events(workdir):
    """Read TensorBoard's files: records of a length, its checksum, a message and its checksum."""
    found = []
    for path in sorted((workdir / layout.TENSORBOARD).iterdir()):
        content = path.read_bytes()
        while content:
            (length,) = struct.unpack("<Q", content[:8])
            found.append(Event.FromString(content[12 : 12 + length]))
            content = content[16 + length :]
    return found


@pytest.mark.long
def test_csv_has_the_rows_of_the_log_even_of_a_run_that_goes_on(tmp_path):
    train(tmp_path, 4, "csv", every=4)
    train(tmp_path, 8, "csv", every=4)
    with (tmp_path / layout.CSV_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    logged = read_metrics(tmp_path)
    assert [int(row["step"]) for row in rows] == [2, 4, 6, 8]
    for row, expected in zip(rows, logged, strict=True):
        assert {name: float(value) for name, value in row.items() if value} == pytest.approx(expected)
    assert rows[1]["eval/swd"] == str(logged[1]["eval/swd"])


@pytest.mark.long
def test_csv_has_a_row_once_where_a_resumed_run_scores_first(tmp_path):
    train(tmp_path, 4, "csv", every=4)
    (tmp_path / "evaluation.json").unlink()  # as if stopped between saving and scoring
    train(tmp_path, 6, "csv", every=4)
    with (tmp_path / layout.CSV_FILE).open(newline="") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [2, 4, 6]


def test_tensorboard_gets_numbers_images_and_settings(tmp_path):
    train(tmp_path, 4, "tensorboard", every=4)
    found = events(tmp_path)
    values = {(value.tag, event.step): value for event in found for value in event.summary.value}
    rows = read_metrics(tmp_path)
    for row in rows:
        for name in "d/loss", "images_per_sec":
            assert values[name, row["step"]].simple_value == pytest.approx(row[name], rel=1e-6)
    assert values["eval/swd", 4].simple_value == pytest.approx(rows[1]["eval/swd"], rel=1e-6)
    picture = values["samples", 3].image
    assert (picture.width, picture.height) == (4 * 8, 4 * 8)
    assert b"data.image_size = 8" in values["config/text_summary", 0].tensor.string_val[0]
    counts = collections.Counter((value.tag, event.step) for event in found for value in event.summary.value)
    assert counts["d/loss", 4] == counts["eval/swd", 4] == 1  # though its row came twice
    # A run that goes on hides what an earlier process wrote of later steps.
    train(tmp_path, 6, "tensorboard", every=4)
    assert 5 in [event.step for event in events(tmp_path) if event.session_log.status == 1]


@pytest.mark.long
def test_weights_and_biases_gets_them_too(tmp_path, monkeypatch):
    begun, logged, ended, columns = [], [], [], []
    run = types.SimpleNamespace(
        log=logged.append,
        finish=lambda: ended.append(True),
        define_metric=lambda *names, **_: columns.append(names),
    )
    fake = types.SimpleNamespace(init=lambda **given: begun.append(given) or run, Image=lambda sheet: sheet.shape)
    monkeypatch.setitem(sys.modules, "wandb", fake)
    train(tmp_path / "mine", 4, "wandb")
    train(tmp_path / "mine", 6, "wandb")
    assert (begun[0]["name"], begun[0]["resume"], begun[0]["config"]["train.num_steps"]) == ("mine", "allow", 4)
    assert begun[0]["id"] == begun[1]["id"]
    assert columns[:2] == [("step",), ("*",)]
    assert ended == [True, True]
    assert [row["step"] for row in logged if "d/loss" in row] == [2, 4, 6]
    assert {"step": 3, "samples": (32, 32)} in logged
    train(tmp_path / "other", 2, "wandb")  # even where the folder of an older run had that name
    assert begun[2]["id"] != begun[0]["id"]


def test_grids_are_drawn_in_the_terminal(tmp_path, capsys):
    train(tmp_path, 3, "preview")
    drawn = capsys.readouterr().err
    assert "step 3\n\x1b[38;2;" in drawn
    assert drawn.count("\u2580") >= 2 * 16 * 32  # grids of 32x32 pixels at the steps 0 and 3


def test_a_logger_that_fails_is_left_out_and_training_goes_on(tmp_path, monkeypatch, capsys):
    def fail(self, row):
        raise ConnectionError("no network")

    monkeypatch.setattr(loggers.TensorBoard, "row", fail)
    train(tmp_path, 4, "tensorboard, csv")
    assert [row["step"] for row in read_metrics(tmp_path)] == [2, 4]
    assert (tmp_path / layout.CSV_FILE).read_text().count("\n") == 3
    said = capsys.readouterr().err
    assert said.count("nothing more is logged to tensorboard (ConnectionError: no network); training continues") == 1


def test_mistakes_are_said_before_training(tmp_path, monkeypatch):
    with pytest.raises(UserError, match=r"A name in config\.train\.log_to is 'tensorbord'; expected one of csv, prev"):
        train(tmp_path, 2, "tensorbord")
    assert not (tmp_path / "config.json").exists()  # or the run could not begin with another seed
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(UserError, match=r"tensorboardX, which is not installed; pip install 'jaxgan\[tensorboard\]'"):
        train(tmp_path / "other", 2, "tensorboard")
