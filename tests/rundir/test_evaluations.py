import json

import pytest
from ml_collections import ConfigDict

from jaxgan.rundir.evaluations import (
    best_of,
    keep_evaluations,
    of_one_protocol,
    read_evaluations,
    write_evaluations,
)
from jaxgan.rundir.layout import EVALUATION_FILE, METRICS_FILE
from jaxgan.rundir.metrics_log import read_metrics
from jaxgan.runs.health.early_stop import check_metric, has_stalled


def entry(step, fd, **others):
    return {"step": step, "num": 100, "main": "fd", "metrics": {"fd": fd, "swd": 1.0}, **others}


def test_written_in_the_order_of_steps_and_the_last_of_one_step_stays(tmp_path):
    write_evaluations(tmp_path, [entry(2, 3.0), entry(1, 4.0)])
    write_evaluations(tmp_path, [*read_evaluations(tmp_path), entry(2, 2.5)])
    assert [(e["step"], e["metrics"]["fd"]) for e in read_evaluations(tmp_path)] == [(1, 4.0), (2, 2.5)]


def test_fid_of_previous_versions_is_clean(tmp_path):
    old = {"step": 1, "num": 9, "main": "fid", "metrics": {"fid": 2.0, "swd": 1.0}, "floor": {"fid": 1.0}}
    (tmp_path / EVALUATION_FILE).write_text(json.dumps([old]))
    (found,) = read_evaluations(tmp_path)
    assert found == {**old, "main": "fid_clean", "metrics": {"fid_clean": 2.0, "swd": 1.0}, "floor": {"fid_clean": 1.0}}
    (tmp_path / METRICS_FILE).write_text('{"step": 1, "eval/fid": 2.0, "fid": 3.0, "g/fid": 4.0}\n')
    rows = read_metrics(tmp_path)
    assert rows == [{"step": 1, "eval/fid_clean": 2.0, "fid": 3.0, "g/fid": 4.0}]
    stop = ConfigDict({"metric": "eval/fid", "goal": "min", "patience": 1})
    check_metric(stop, ["eval/fid_clean"])
    assert has_stalled([*rows, {"step": 2, "eval/fid_clean": 2.5}], stop)


def test_best_is_the_lowest_and_the_earliest_of_equals():
    assert best_of([]) is None
    assert best_of([entry(1, 3.0), entry(2, 1.0), entry(3, 1.0)]) == 2
    assert best_of([entry(1, 3.0), entry(2, 1.0), entry(3, 2.0)], among=[1, 3]) == 3
    assert best_of([entry(1, float("nan"))]) is None


def test_figures_of_other_protocols_are_not_compared():
    assert best_of([entry(1, 0.1, num=10), entry(2, 3.0), entry(3, 2.0)]) == 3
    assert best_of([entry(1, 0.1, features={"digest": "a"}), entry(2, 3.0, features={"digest": "b"})]) == 2


def test_what_is_scored_otherwise_afterwards_does_not_choose():
    own = [entry(1, 2.0, in_training=True), entry(2, 3.0, in_training=True)]
    assert best_of([*own, *(entry(step, 1.0, num=7) for step in (2, 3, 4))]) == 1
    assert best_of([entry(1, 2.0), entry(2, 3.0), entry(3, 0.1, weights="raw")]) == 1


def test_rows_keep_only_the_scores_that_can_be_compared():
    rows = [{"step": step, "g/loss": 1.0, "eval/fd": float(step)} for step in (1, 2, 3, 4)]
    own = [entry(step, 1.0, in_training=True) for step in (1, 2)]
    assert of_one_protocol(rows, []) == of_one_protocol(rows, [*own, entry(4, 1.0, num=7)]) == rows
    found = of_one_protocol(rows, [*own, *(entry(step, 1.0, in_training=True, num=7) for step in (3, 4))])
    assert found == [{"step": 1, "g/loss": 1.0}, {"step": 2, "g/loss": 1.0}, *rows[2:]]


def test_scoring_a_step_again_leaves_it_the_runs_own(tmp_path):
    write_evaluations(tmp_path, [entry(2, 3.0, in_training=True), entry(2, 3.0)])
    assert [e.get("in_training") for e in read_evaluations(tmp_path)] == [True]


def test_work_that_was_lost_is_dropped(tmp_path):
    write_evaluations(tmp_path, [entry(1, 3.0), entry(5, 1.0)])
    keep_evaluations(tmp_path, 4)
    assert [e["step"] for e in read_evaluations(tmp_path)] == [1]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "{}",
        "[1]",
        '[{"step": 1}]',
        '[{"step": 1, "metrics": {"fd": "x"}}]',
        '[{"step": 1, "metrics": {}, "floor": []}]',
        '[{"step": 1, "metrics": {}, "num": "many"}]',
        '[{"step": 1, "metrics": {"fd": 1' + "0" * 400 + "}}]",
        "[" * 99999,
    ],
)
def test_a_file_that_is_none_is_said(tmp_path, capfd, content):
    (tmp_path / EVALUATION_FILE).write_text(content)
    assert read_evaluations(tmp_path) == []
    assert "is no list of evaluations" in capfd.readouterr().err


def test_the_file_is_plain_json(tmp_path):
    write_evaluations(tmp_path, [entry(1, 3.0)])
    assert json.loads((tmp_path / EVALUATION_FILE).read_text()) == [entry(1, 3.0)]


def test_a_file_that_could_not_be_read_is_kept_beside_the_new_one(tmp_path, capfd):
    content = json.dumps([entry(1, 3.0)]).replace("]", ",]")  # as an editor's hand leaves it
    (tmp_path / EVALUATION_FILE).write_text(content)
    write_evaluations(tmp_path, [*read_evaluations(tmp_path), entry(2, 2.0)])
    assert read_evaluations(tmp_path) == [entry(2, 2.0)]
    assert (tmp_path / f"{EVALUATION_FILE}.damaged").read_text() == content
    assert f"is kept in {EVALUATION_FILE}.damaged" in capfd.readouterr().err
