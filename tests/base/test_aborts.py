"""What a library in C does to a process, in processes of their own."""

import signal
import subprocess
import sys

import pytest
from cli import ROOT
from processes import free_port

from jaxgan.base import aborts

ABORT = """
import ctypes
from jaxgan.base import aborts
aborts.say_at_abort("the first")
aborts.say_at_abort("it is over.")
ctypes.CDLL(None).abort()
"""
CONNECT = """
import sys
from jaxgan.training import parallel
parallel.connect(sys.argv[1], 2, 0, patience=1)
"""


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (ABORT, "error: it is over."),
        (CONNECT, "error: the other processes of this job did not answer; start all of them within minutes."),
    ],
    ids=["abort", "no answer"],
)
def test_an_abort_ends_with_a_sentence_and_status_1(code, sentence):
    command = [sys.executable, "-c", code, f"localhost:{free_port()}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == sentence


def test_ctrl_c_acts_at_once_inside_the_block_only():
    before = signal.getsignal(signal.SIGINT)
    with aborts.interruptible():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before
