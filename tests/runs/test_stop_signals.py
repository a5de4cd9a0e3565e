import os
import signal
import threading

import numpy as np
import pytest

from jaxgan.base import processes
from jaxgan.runs.stop_signals import ASKS, NOTICES, StopRequest, catch_stop


@pytest.fixture(autouse=True)
def usual_ctrl_c():
    """A shell starts what it puts in the background with Ctrl-C ignored; Python then leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", ASKS)
def test_first_signal_is_a_request_and_handlers_come_back(number, capfd):
    before = signal.getsignal(number)
    with catch_stop() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop
        assert stop.signal == number
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before
    # A person waits for an answer, and a scheduler does not.
    assert ("stopping after this step" in capfd.readouterr().err) == (number == signal.SIGINT)


def test_second_ctrl_c_acts_at_once():
    def twice():
        with catch_stop():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        twice()


@pytest.mark.parametrize("number", NOTICES)
def test_signals_of_schedulers_are_requests_however_often_they_come(number):
    before = signal.signal(number, signal.SIG_DFL)  # under nohup they are ignored
    with catch_stop() as stop:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
        assert stop.signal == number
    assert signal.signal(number, before) is signal.SIG_DFL


def test_a_run_under_nohup_goes_on_when_the_terminal_closes():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with catch_stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_are_left_alone():
    seen = []

    def work():
        with catch_stop() as stop:
            seen.append(bool(stop))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]


def test_a_request_that_comes_while_processes_agree_counts_from_the_next_time_on(monkeypatch):
    stop, other = StopRequest(), [False]

    def gather(values):
        row = np.asarray([values, [other[0], *values[1:]]], np.int32)
        stop.signal = signal.SIGINT
        return row

    monkeypatch.setattr(processes, "gather", gather)
    assert stop.anywhere(7) == (False, [7])
    assert stop.anywhere() == (True, [])
    stop.signal, other[0] = None, True
    monkeypatch.setattr(processes, "gather", lambda values: np.asarray([values, [True]], np.int32))
    assert stop.anywhere() == (True, [])
    assert stop.signal == signal.SIGTERM
