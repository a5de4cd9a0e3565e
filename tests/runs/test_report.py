import io
import json
import re

import jax
import tiny

from jaxgan.runs import report

ROW = {"step": 10, "d/loss": 0.5, "d/acc": 0.75, "g/loss": 1.25, "steps_per_sec": 2.0, "images_per_sec": 256.0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_where_there_is_no_terminal():
    out = io.StringIO()
    progress = report.Progress(0, 20, out)
    progress.update(5)
    progress.update(10, ROW)
    progress.say("hello")
    progress.close()
    line, hello = out.getvalue().splitlines()
    assert line.startswith("step 10/20  d_loss 0.5000  d_acc 0.7500  g_loss 1.2500  2.00 steps/s  256 images/s  ETA ")
    assert hello == "hello"


def test_bar_on_a_terminal():
    out = Terminal()
    progress = report.Progress(0, 20, out)
    progress.update(10, ROW)
    progress.close()
    assert re.search(r"10/20 .*step/s.*d_loss=0.5000, d_acc=0.7500, g_loss=1.2500, img/s=256", out.getvalue())


def test_resume_drops_the_rows_of_lost_steps_and_half_lines(tmp_path):
    log = report.MetricsLog(tmp_path, 0)
    for step in (10, 20, 30):
        log.write({"step": step})
    log.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 3')
    log = report.MetricsLog(tmp_path, 20)
    log.write({"step": 25})
    log.close()
    assert report.read_metrics(tmp_path) == [{"step": 10}, {"step": 20}, {"step": 25}]
    assert [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()] == [10, 20, 25]


def test_start_text_names_devices_and_every_setting(tmp_path):
    text = report.start_text(tiny.get_config(), jax.local_devices(), tmp_path)
    assert f"jax {jax.__version__}, 2 x cpu (cpu); 8 pictures a step, 4 a device" in text
    assert re.search(r"train\.num_steps +6\n", text)
    assert text.endswith(f"files in {tmp_path}")
