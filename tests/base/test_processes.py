"""What several processes share. Here they are threads, or processes of their own where a library in C has a say."""

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from cli import ROOT
from processes import free_port
from tiny_params import make_params

from jaxgan.base import keys, processes as job
from jaxgan.base.checks import UserError
from jaxgan.metrics.features.network import from_function
from jaxgan.sampling import pixels

ABORT = """
import ctypes
from jaxgan.base import processes
processes.report_at_abort("the first")
processes.report_at_abort("it is over.")
ctypes.CDLL(None).abort()
"""
JOIN = """
import sys
from jaxgan.base import processes
processes.PATIENCE = 1
processes.join(sys.argv[1], 2, 0)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (ABORT, "error: it is over."),
        (JOIN, "error: the other processes of this job did not answer; start all of them within minutes."),
    ],
    ids=["abort", "no answer"],
)
def test_an_abort_ends_with_a_sentence_and_status_1(code, sentence):
    command = [sys.executable, "-c", code, f"localhost:{free_port()}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=100, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == sentence


def test_ctrl_c_acts_at_once_while_a_library_waits():
    before = signal.getsignal(signal.SIGINT)
    with job._interruptible():
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [(("localhost", 2, 0), "expected HOST:PORT"), (("localhost:1", 2, 2), "expected a number from 0 to 1")],
)
def test_numbers_that_cannot_be_are_refused(numbers, sentence):
    with pytest.raises(UserError, match=sentence):
        job.join(*numbers)


def test_what_transports_raise_is_a_loss():
    assert job.is_loss(ValueError("UNKNOWN: Gloo AllGather failed: Connection closed by peer"))
    assert not job.is_loss(ValueError("shapes differ"))
    assert not job.is_loss(UserError("config.data.path is 'Gloo', which is no folder"))
    assert not job.is_loss(None)


def test_a_process_on_its_own_agrees_with_itself():
    with job.together():
        assert job.agree(lambda: 5, str) == 5
        assert job.gather([1, 0]).tolist() == [[1, 0]]
        assert job.gather_bytes(b"ab") == [b"ab"]
        assert job.leads()
        with pytest.raises(UserError, match="no such thing"):
            job.agree(open_nothing, str)


def open_nothing():
    raise UserError("no such thing")


@pytest.fixture
def crew(monkeypatch):
    """A function that calls another in three processes, and returns what each gets."""
    size, own = 3, threading.local()
    sent, all_here = [None] * size, threading.Barrier(size, timeout=60)

    def exchange(value):
        sent[own.number] = value
        all_here.wait()
        found = list(sent)
        all_here.wait()
        return found

    monkeypatch.setattr(job, "joined", lambda: True)
    monkeypatch.setattr(job.jax, "process_count", lambda: size)
    monkeypatch.setattr(job.jax, "process_index", lambda: own.number)
    monkeypatch.setattr(job.multihost_utils, "process_allgather", lambda row: np.stack(exchange(row)))
    monkeypatch.setattr(job.multihost_utils, "broadcast_one_to_all", lambda tree: exchange(tree)[0])
    monkeypatch.setattr(job.multihost_utils, "sync_global_devices", exchange)

    def run(function):
        def one(number):
            own.number = number
            return function(number)

        with ThreadPoolExecutor(size) as pool:
            return list(pool.map(one, range(size)))

    return run


@pytest.mark.parametrize("num", [0, 1, 3, 7])
def test_all_get_what_map_gives_and_each_item_is_computed_once(crew, num):
    calls = []

    def square(item):
        calls.append(item)
        return np.full((item + 1, 2), item**2, np.uint8), None

    found = crew(lambda _: list(job.spread(square, range(num))))
    assert sorted(calls) == list(range(num))
    for results in found:
        assert len(results) == num
        for (array, none), (expected, _) in zip(results, map(square, range(num)), strict=True):
            np.testing.assert_array_equal(array, expected)
            assert array.dtype == np.uint8
            assert none is None


def test_an_error_in_one_process_is_raised_in_all(crew):
    def fail(item):
        if item == 4:
            raise RuntimeError("no\nmemory")
        return (np.zeros(1),)

    def count(_):
        with pytest.raises(UserError, match=r"^process 1: RuntimeError: no memory$"):
            list(job.spread(fail, range(9)))
        return True

    assert crew(count) == [True] * 3


def test_images_and_features_are_those_of_one_process(crew):
    params, z = make_params(), np.random.default_rng(0).normal(size=(700, 3)).astype(np.float32)
    net = from_function(lambda images: images.mean((1, 2)) / 255, params_shape(params), "own")
    alone = pixels.generate_pixels(params, z, None)
    seen, _ = net.features_and_logits(alone)

    def shared(_):
        made = pixels.generate_pixels(params, z, None, over=job.spread)
        return made, net.features_and_logits(made, over=job.spread)

    for made, (features, logits) in crew(shared):
        np.testing.assert_array_equal(made, alone)
        np.testing.assert_array_equal(features, seen)
        assert logits is None


def params_shape(params):
    return pixels.generate_pixels(params, np.zeros((1, 3), np.float32), None).shape[1:]


def test_all_have_the_arrays_of_process_0_to_the_bit(crew):
    special = np.array([-0.0, 1e-45, np.nan, 0.1], np.float32)
    first = {"x": special, "key": jax.random.key(7), "n": jnp.int32(3), "none": np.zeros((0, 2))}
    shapes = jax.eval_shape(lambda x: x, first)
    for found in crew(lambda number: job.from_first(first if number == 0 else shapes)):
        assert found["x"].tobytes() == special.tobytes()
        np.testing.assert_array_equal(keys.as_numpy(found["key"]), keys.as_numpy(first["key"]))
        assert found["n"] == 3
        assert found["none"].shape == (0, 2)


def test_all_begin_alike_or_not_at_all(crew):
    ours = "jax=1\nconfig.seed=0"
    assert crew(lambda number: job.agree(lambda: number, lambda _: ours)) == [0, 1, 2]

    def refused(prepare, describe):
        def one(number):
            with pytest.raises(job.KnownToAll) as caught:
                job.agree(lambda: prepare(number), lambda _: describe(number))
            return str(caught.value)

        return crew(one)

    differs = refused(lambda number: 5, lambda number: ours.replace("0", "3") if number == 1 else ours)
    assert differs == ["process 1 has config.seed 3, but process 0 has 0; give all the same.", "", ""]
    fails = refused(lambda number: open_nothing() if number == 2 else 5, lambda _: ours)
    assert fails == ["process 2 cannot begin: no such thing", "", ""]
    assert refused(lambda number: open_nothing(), lambda _: ours) == ["no such thing", "", ""]


def test_a_process_that_is_gone_is_reported_in_one_sentence(crew):
    def one(_):
        with pytest.raises(job.Lost, match=r"start all of them again"), job.together():
            raise ValueError("UNKNOWN: Gloo AllGather failed: Connection closed by peer")
        return True

    assert crew(one) == [True] * 3
