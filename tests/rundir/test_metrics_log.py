import json

import pytest

from jaxgan.rundir.layout import METRICS_FILE
from jaxgan.rundir.metrics_log import MetricsLog, read_metrics


def test_rows_are_kept_up_to_the_start_and_added_to(tmp_path):
    log = MetricsLog(tmp_path, 0)
    for step in (1, 2, 3):
        log.write({"step": step, "g/loss": 0.5})
    assert [row["step"] for row in MetricsLog(tmp_path, 2).rows] == [1, 2]
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]


def test_a_line_cut_short_is_left_out_without_a_word(tmp_path, capfd):
    (tmp_path / METRICS_FILE).write_text('{"step": 1}\n{"step": 2, "g/lo')
    assert read_metrics(tmp_path) == [{"step": 1}]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "line", [b"[1]", b"7", b"null", b'{"g/loss": 1}', b'{"step": "x"}', b'{"step": true}', b"\xff\xfe", b"[" * 100_000]
)
def test_lines_that_are_no_rows_are_counted_and_left_out(tmp_path, capfd, line):
    (tmp_path / METRICS_FILE).write_bytes(b'{"step": 1}\n' + line + b'\n{"step": 2}\n')
    assert [row["step"] for row in read_metrics(tmp_path)] == [1, 2]
    assert "1 lines of" in capfd.readouterr().err


def test_a_disk_that_refuses_loses_no_row(tmp_path, capfd):
    log = MetricsLog(tmp_path, 0)
    log.path.unlink()
    log.path.mkdir()
    log.write({"step": 1})
    assert "could not be written" in capfd.readouterr().err
    log.path.rmdir()
    log.write({"step": 2})
    assert [json.loads(line) for line in log.path.read_text().split("\n") if line] == [{"step": 1}, {"step": 2}]


@pytest.mark.parametrize("content", [b'[{"step": 1}, {"step": 2}]', b'{"step": 1}\n{"step": 2,}\n', b"\xff\xfe{\0}\0"])
def test_what_could_not_be_read_is_kept_beside_the_new_file(tmp_path, capfd, content):
    (tmp_path / METRICS_FILE).write_bytes(content)
    log = MetricsLog(tmp_path, 9)
    log.write({"step": 3})
    assert read_metrics(tmp_path) == log.rows
    assert (tmp_path / f"{METRICS_FILE}.damaged").read_bytes() == content
    said = capfd.readouterr().err
    assert "1 lines of" in said
    assert f"is kept in {METRICS_FILE}.damaged" in said
