import json

from jaxgan.runs import metrics_log


def test_resume_drops_the_rows_of_lost_steps_and_half_lines(tmp_path):
    log = metrics_log.MetricsLog(tmp_path, 0)
    for step in (10, 20, 30):
        log.write({"step": step})
    log.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3')
    log = metrics_log.MetricsLog(tmp_path, 20)
    log.write({"step": 25})
    log.close()
    assert metrics_log.read_metrics(tmp_path) == [{"step": 10}, {"step": 20}, {"step": 25}]
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [10, 20, 25]
