"""Work shared out among processes, which are threads here."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny_params import make_params

from jaxgan.base.checks import UserError
from jaxgan.metrics.features.network import from_function
from jaxgan.runs.processes import shares
from jaxgan.sampling import pixels


@pytest.fixture
def crew(monkeypatch):
    """A function that calls another in three processes, and returns what each gets."""
    size, own = 3, threading.local()
    said, all_here = [b""] * size, threading.Barrier(size, timeout=60)

    def gather_bytes(value):
        said[own.number] = value
        all_here.wait()
        found = list(said)
        all_here.wait()
        return found

    monkeypatch.setattr(shares.parallel, "num_processes", lambda: size)
    monkeypatch.setattr(shares.parallel, "gather_bytes", gather_bytes)
    monkeypatch.setattr(shares.jax, "process_index", lambda: own.number)

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

    found = crew(lambda _: list(shares.spread(square, range(num))))
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
            list(shares.spread(fail, range(9)))
        return True

    assert crew(count) == [True] * 3


def test_images_and_features_are_those_of_one_process(crew):
    params, z = make_params(), np.random.default_rng(0).normal(size=(700, 3)).astype(np.float32)
    net = from_function(lambda images: images.mean((1, 2)) / 255, params_shape(params), "own")
    alone = pixels.generate_pixels(params, z, None)
    seen, _ = net.features_and_logits(alone)

    def shared(_):
        made = pixels.generate_pixels(params, z, None, over=shares.spread)
        return made, net.features_and_logits(made, over=shares.spread)

    for made, (features, logits) in crew(shared):
        np.testing.assert_array_equal(made, alone)
        np.testing.assert_array_equal(features, seen)
        assert logits is None


def params_shape(params):
    return pixels.generate_pixels(params, np.zeros((1, 3), np.float32), None).shape[1:]
