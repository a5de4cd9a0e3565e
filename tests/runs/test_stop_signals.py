import os
import signal
import threading

import pytest

from jaxgan.runs.stop_signals import catch_stop


@pytest.fixture(autouse=True)
def usual_ctrl_c():
    """A shell starts what it puts in the background with Ctrl-C ignored; Python then leaves it so."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_signal_is_a_request_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with catch_stop() as stop:
        assert not stop
        os.kill(os.getpid(), number)
        assert stop
        assert stop.signal == number
        assert signal.getsignal(number) is before
    assert signal.getsignal(number) is before


def test_second_ctrl_c_acts_at_once():
    def twice():
        with catch_stop():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        twice()


def test_other_threads_are_left_alone():
    seen = []

    def work():
        with catch_stop() as stop:
            seen.append(bool(stop))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
