"""The prefetching thread: order, errors, and that it always ends."""

import gc
import itertools
import subprocess
import sys
import threading
import time
import weakref

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.data import prefetch


def running():
    return [t for t in threading.enumerate() if t.name == "jaxgan-prefetch"]


def wait_until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.005)
    assert condition()


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    wait_until(lambda: not running())


def test_items_come_in_order_and_end():
    items = prefetch(range(100))
    assert list(items) == list(range(100))
    assert list(items) == []


def test_it_runs_ahead_by_its_depth_and_no_further():
    made = []
    with prefetch(made.append(i) or i for i in itertools.count()) as items:
        wait_until(lambda: len(made) == 3)
        time.sleep(0.05)
        assert len(made) == 3
        assert next(items) == 0
        wait_until(lambda: len(made) == 4)


@pytest.mark.parametrize(("max_bytes", "ahead"), [(0, 1), (999, 1), (2000, 2), (10**6, 3)])
def test_large_items_are_made_ahead_up_to_a_number_of_bytes(max_bytes, ahead, monkeypatch):
    monkeypatch.setattr(sys.modules["jaxgan.data.prefetch"], "AHEAD_BYTES", max_bytes)
    alive = set()

    def batches():
        for first in itertools.count():
            pixels = np.zeros(900, np.uint8)
            alive.add(first)
            weakref.finalize(pixels, alive.remove, first)
            yield (first, 50), {"pixels": pixels, "labels": jnp.zeros(25, jnp.int32)}
            del pixels

    with prefetch(batches()) as items:
        held = None
        for step in range(5):
            held = next(items)
            assert held[0] == (step, 50)
            wait_until(lambda: len(alive) >= 1 + ahead)
            time.sleep(0.02)
            assert len(alive) <= 1 + ahead  # and the one that the consumer holds


def test_an_exception_comes_after_the_items_before_it():
    def broken():
        yield 1
        raise KeyError("lost")

    items = prefetch(broken())
    assert next(items) == 1
    with pytest.raises(KeyError, match="lost"):
        next(items)
    with pytest.raises(StopIteration):
        next(items)


def test_closing_stops_the_thread_and_closes_the_generator():
    closed = threading.Event()

    def endless():
        try:
            yield from itertools.count()
        finally:
            closed.set()

    items = prefetch(endless())
    assert next(items) == 0
    items.close()
    items.close()
    assert closed.is_set()
    assert not running()
    with pytest.raises(StopIteration):
        next(items)


def test_a_consumer_that_breaks_off_leaves_nothing():
    with prefetch(itertools.count()) as items:
        for item in items:
            if item == 3:
                break
    assert not running()


def test_a_dropped_iterator_ends_its_thread():
    items = prefetch(itertools.count())
    next(items)
    del items
    gc.collect()
    assert not running()


def test_the_interpreter_exits_with_a_full_shelf():
    code = (
        "import itertools; from jaxgan.data.prefetch import prefetch\n"
        "items = prefetch(itertools.count()); print(next(items))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")
