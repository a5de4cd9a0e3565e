import subprocess
import sys
import threading

import pytest

from jaxgan.base import threads


def test_result_and_error_come_back():
    assert threads.start("sum", sum, [1, 2]).result(5) == 3
    with pytest.raises(ZeroDivisionError):
        threads.start("error", lambda: 1 / 0).result(5)


def test_busy_while_work_is_under_way():
    go = threading.Event()
    future = threads.start("wait", go.wait)
    assert threads.is_busy()
    go.set()
    future.result(5)
    for _ in range(100):
        if not threads.is_busy():
            break
        threading.Event().wait(0.01)
    assert not threads.is_busy()


def test_the_end_of_the_interpreter_waits():
    work = "lambda: (time.sleep(0.3), print('done'))"
    code = f"import time; from jaxgan.base import threads\nthreads.start('x', {work})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "done\n"
