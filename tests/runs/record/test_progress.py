import fcntl
import io
import os
import re
import struct
import termios

import jax
import pytest
import tiny

from jaxgan.runs.record import progress

ROW = {"step": 10, "d/loss": 0.5, "d/acc": 0.75, "g/loss": 1.25, "steps_per_sec": 2.0, "images_per_sec": 256.0}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_where_there_is_no_terminal():
    out = io.StringIO()
    bar = progress.Progress(0, 20, stream=out)
    bar.update(5)
    bar.update(10, ROW)
    bar.say("hello\x1b[2J")
    bar.close()
    line, hello = out.getvalue().splitlines()
    assert line.startswith(
        "step 10/20  d_loss 0.5000  d_acc 0.7500  g_loss 1.2500  2.00 steps/s  256 images/s  ETA 0:00:0"
    )
    assert hello == r"hello\x1b[2J"


def test_a_line_comes_before_the_first_row_where_that_takes_long(monkeypatch):
    out, seconds = io.StringIO(), iter([0, 0, 30, 40, 41, 61, 70, 99])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(seconds))
    bar = progress.Progress(100, 200, stream=out)
    for step in (101, 111, 112, 132):
        bar.update(step)
    bar.update(140, ROW)
    bar.update(141)
    first, second, row = out.getvalue().splitlines()
    assert first == "step 101/200"  # the time until then was the compiler's
    assert second == "step 132/200  ETA 0:01:08"  # 31 steps in 31 seconds
    assert row.startswith("step 140/200  d_loss 0.5000")
    assert row.endswith("ETA 0:01:02")


@pytest.mark.parametrize(("relative", "shown"), [(True, []), (False, ["d_acc_real", "g_acc"])])
def test_accuracies_that_are_all_the_same_figure_are_shown_once(relative, shown):
    out = io.StringIO()
    row = ROW | {"d/acc_real": 0.75, "g/acc": 0.25}
    progress.Progress(0, 20, relative=relative, stream=out).update(10, row)
    assert [name for name in ("d_acc_real", "g_acc") if name in out.getvalue()] == shown


@pytest.mark.parametrize("is_terminal", [False, True])
def test_where_a_clock_ends_the_run_its_last_step_is_not_shown(is_terminal):
    out = Terminal() if is_terminal else io.StringIO()
    bar = progress.Progress(0, 200_000, lambda: 65.0, stream=out)
    bar.update(10, ROW)
    bar.close()
    assert "200000" not in out.getvalue()
    left = r"0:0(0:\d\d|1:0[0-5])"  # at most the 65 seconds of the clock
    shown = rf"img/s=256, ETA={left}" if is_terminal else rf"^step 10  d_loss.*ETA {left}$"
    assert re.search(shown, out.getvalue(), re.MULTILINE)


@pytest.mark.parametrize(("columns", "shown"), [(0, "step 10/20  d_loss"), (120, "/20 [")])
def test_lines_on_a_terminal_without_columns(columns, shown):
    """As containers and `script` make them: a bar would show nothing there."""
    main, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40 * bool(columns), columns, 0, 0))
    with os.fdopen(terminal, "w") as stream:
        bar = progress.Progress(0, 20, stream=stream)
        bar.update(10, ROW)
        bar.close()
        stream.flush()
        out = os.read(main, 10_000).decode()
    os.close(main)
    assert shown in out


def test_bar_on_a_terminal():
    out = Terminal()
    bar = progress.Progress(0, 20, stream=out)
    bar.update(10, ROW)
    bar.close()
    assert re.search(r"10/20 .*step/s.*d_loss=0.5000, d_acc=0.7500, g_loss=1.2500, img/s=256", out.getvalue())


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.7, "0:01:00"), (8879.6, "2:28:00"), (360_000, "100:00:00")]
)
def test_time_left_is_hours_minutes_and_seconds(seconds, text):
    assert progress.clock(seconds) == text


def test_start_text_names_devices_and_the_settings_that_are_not_defaults(tmp_path):
    config = tiny.get_config()
    config.train.num_devices = 2
    text = progress.start_text(config, jax.local_devices(), tmp_path)
    assert f"jax {jax.__version__}, 2 x cpu (cpu); 8 images a step, 4 a device" in text
    assert re.search(r"train\.num_steps +6\n", text)
    assert "model.dropout" in text
    assert "optim" not in text
    assert text.endswith(f"all settings are in {tmp_path / 'config.json'}")
