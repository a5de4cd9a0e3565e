import os
import signal
import subprocess
import sys

import pytest

from jaxgan.rundir.layout import LOCK_FILE
from jaxgan.rundir.lock import locked

HOLD = "import sys; from pathlib import Path; from jaxgan.rundir.lock import locked\nwith locked(Path(sys.argv[1])):\n"


def test_a_second_process_is_refused_by_name_and_a_dead_one_locks_nothing(tmp_path):
    code = HOLD + "    print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        sentence = rf"is being written by process {other.pid} on .*another --workdir"
        with pytest.raises(ValueError, match=sentence), locked(tmp_path):
            pass
        other.kill()
        other.wait()
    assert (tmp_path / LOCK_FILE).exists()  # stale, and no obstacle
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"process": "x"}'])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path, content):
    with locked(tmp_path):
        (tmp_path / LOCK_FILE).write_text(content)
        with pytest.raises(ValueError, match="is being written by another process"), locked(tmp_path):
            pass


@pytest.mark.parametrize("name", ["file", "file/run", "nowhere"])
def test_what_cannot_become_a_folder_is_said(tmp_path, name):
    (tmp_path / "file").touch()
    (tmp_path / "nowhere").symlink_to(tmp_path / "missing")
    with (
        pytest.raises(ValueError, match="it or its parent is a file, or a link that leads nowhere; give another"),
        locked(tmp_path / name),
    ):
        pass


def test_a_child_that_outlives_its_parent_locks_nothing(tmp_path):
    code = HOLD + "    child = os.fork()\n    if not child: print(os.getpid(), flush=True)\n    signal.pause()"
    code = f"import os, signal; {code}"
    with subprocess.Popen([sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        with pytest.raises(ValueError, match=f"is being written by process {parent.pid} "), locked(tmp_path):
            pass
        parent.kill()
        parent.wait()
        os.kill(child, 0)  # it lives
        try:
            with locked(tmp_path):
                pass
        finally:
            os.kill(child, signal.SIGKILL)
