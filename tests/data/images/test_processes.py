"""Processes that help to decode images."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from jaxgan.base import terminal
from jaxgan.data.images import processes
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.decode import decode
from jaxgan.data.images.processes import Helper, Helpers
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources.folder import Folder

CANVAS = Canvas(8, 3)
SECONDS = 60  # until a helper is ready on a loaded machine


@pytest.fixture
def files(tmp_path):
    """Images, one of them damaged and one that is too large for a helper."""
    rng = np.random.default_rng(0)
    paths = [str(tmp_path / f"{i:02}.png") for i in range(40)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).save(path)
    with open(paths[5], "r+b") as file:
        file.truncate(60)
    Image.new("RGB", (3000, 1500), (9, 8, 7)).save(paths[7])
    return paths


def started():
    helper = Helper(CANVAS)
    end = time.monotonic() + SECONDS
    while not helper.is_ready():
        assert time.monotonic() < end
        time.sleep(0.05)
    return helper


@pytest.fixture
def helper():
    return started()


def process_of(helper):
    return helper._finalizer.peek()[2][1]


def test_pixels_are_those_of_a_thread(helper, files):
    images = np.zeros((len(files), *CANVAS.shape), np.uint8)
    good = helper.decode(files, images)
    assert [i for i, one in enumerate(good) if not one] == [5, 7]  # what is large is left to the threads
    for i in np.flatnonzero(good):
        np.testing.assert_array_equal(images[i], decode(files[i], CANVAS))
    content = []
    for path in files:
        with open(path, "rb") as file:
            content.append(file.read())
    again = np.zeros_like(images)
    np.testing.assert_array_equal(helper.decode(content, again), good)
    np.testing.assert_array_equal(again, images)


def test_a_folder_reads_the_same_with_helpers(files, tmp_path, monkeypatch):
    folder = Folder(str(tmp_path), CANVAS, Workers(2))
    rows = np.random.default_rng(1).integers(0, folder.info.num_images, 200)
    alone, _ = folder.read(rows)
    assert folder._helpers._idle is None  # too little to do
    monkeypatch.setattr(processes, "WORTH", 1)
    folder.read(rows)
    end = time.monotonic() + SECONDS
    while not all(helper.is_ready() for helper in folder._helpers._idle):
        assert time.monotonic() < end
        time.sleep(0.05)
    counted = []
    real = Helper.decode
    monkeypatch.setattr(Helper, "decode", lambda self, *args: counted.append(self) or real(self, *args))
    together, _ = folder.read(rows)
    np.testing.assert_array_equal(together, alone)
    assert counted


def test_a_helper_that_was_killed_is_done_without(helper, files):
    said, images = [], np.zeros((len(files), *CANVAS.shape), np.uint8)
    process_of(helper).kill()
    process_of(helper).wait()
    with terminal.divert(said.append):
        assert not helper.decode(files, images).any()
        assert not helper.is_ready()
    assert said == ["warning: a process that decodes images has ended; threads go on without it"]


def test_a_helper_leaves_signals_to_the_run(helper, files):
    for number in signal.SIGINT, signal.SIGTERM:
        process_of(helper).send_signal(number)
    assert helper.decode(files, np.zeros((len(files), *CANVAS.shape), np.uint8)).sum() == len(files) - 2


def test_a_helper_ends_with_its_owner():
    helper = started()
    process = process_of(helper)
    del helper
    assert process.returncode == 0


OWNER = """
import os, sys, time
from jaxgan.data.canvas import Canvas
from jaxgan.data.helpers import Helper

helper = Helper(Canvas(8, 3))
while not helper.is_ready():
    time.sleep(0.05)
print(helper._finalizer.peek()[2][1].pid, flush=True)
time.sleep(60)
"""


def test_a_helper_ends_when_the_run_is_killed():
    with subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    end = time.monotonic() + 10
    while is_running(pid):
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_one_worker_has_no_helpers(monkeypatch):
    monkeypatch.setattr(processes, "WORTH", 1)
    with Helpers(CANVAS, 1).borrow(10) as helper:
        assert helper is None


def test_where_no_process_can_be_started_threads_decode(monkeypatch):
    monkeypatch.setattr(processes, "WORTH", 1)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    said, own = [], Helpers(CANVAS, 2)
    with terminal.divert(said.append):
        for _ in range(2):
            with own.borrow(10) as helper:
                assert helper is None
    assert len(said) == 1
    assert "no processes could be started" in said[0]
