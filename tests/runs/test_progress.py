import io
import re

import jax
import tiny

from jaxgan.runs import progress

ROW = {"step": 10, "d/loss": 0.5, "d/acc": 0.75, "g/loss": 1.25, "steps_per_sec": 2.0, "images_per_sec": 256.0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_where_there_is_no_terminal():
    out = io.StringIO()
    bar = progress.Progress(0, 20, out)
    bar.update(5)
    bar.update(10, ROW)
    bar.say("hello")
    bar.close()
    line, hello = out.getvalue().splitlines()
    assert line.startswith("step 10/20  d_loss 0.5000  d_acc 0.7500  g_loss 1.2500  2.00 steps/s  256 images/s  ETA ")
    assert hello == "hello"


def test_bar_on_a_terminal():
    out = Terminal()
    bar = progress.Progress(0, 20, out)
    bar.update(10, ROW)
    bar.close()
    assert re.search(r"10/20 .*step/s.*d_loss=0.5000, d_acc=0.7500, g_loss=1.2500, img/s=256", out.getvalue())


def test_start_text_names_devices_and_every_setting(tmp_path):
    text = progress.start_text(tiny.get_config(), jax.local_devices(), tmp_path)
    assert f"jax {jax.__version__}, 2 x cpu (cpu); 8 pictures a step, 4 a device" in text
    assert re.search(r"train\.num_steps +6\n", text)
    assert text.endswith(f"files in {tmp_path}")
