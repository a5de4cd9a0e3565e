"""Orders computed place by place, against what an even choice among all orders would give."""

import itertools
import time
import tracemalloc

import numpy as np
import pytest
from scipy import stats

from jaxgan.data import IndexPlan
from jaxgan.data.order.feistel import shuffled

HUGE = 10**9


@pytest.mark.parametrize("size", [*range(1, 30), 100, 101, 997, 2**12, 2**12 + 1, 10_000])
def test_every_image_has_one_place(size):
    for seed, epoch in [(0, 0), (0, 1), (-1, 7), (2**70, 0)]:
        order = shuffled(np.arange(size), size, seed, epoch)
        assert order.dtype == np.int64
        np.testing.assert_array_equal(np.sort(order), np.arange(size))


def test_a_place_does_not_depend_on_what_else_is_asked():
    whole = shuffled(np.arange(1000), 1000, 3, 2)
    for places in ([5], [999, 0, 5, 5], np.arange(300, 310), []):
        np.testing.assert_array_equal(shuffled(np.array(places, np.int64), 1000, 3, 2), whole[places])


def test_all_orders_of_a_few_images_are_as_frequent():
    for size in (3, 4, 5):
        orders = {order: i for i, order in enumerate(itertools.permutations(range(size)))}
        counts = np.zeros(len(orders))
        for seed in range(1500):
            counts[orders[tuple(shuffled(np.arange(size), size, seed, 0).tolist())]] += 1
        assert stats.chisquare(counts).pvalue > 1e-3


def test_pairs_of_places_are_independent():
    size, times = 10, 2000
    orders = np.array([shuffled(np.arange(size), size, 0, epoch) for epoch in range(times)])
    unequal = ~np.eye(size, dtype=bool).ravel()
    least = min(
        stats.chisquare(np.bincount(orders[:, i] * size + orders[:, j], minlength=size**2)[unequal]).pvalue
        for i, j in itertools.combinations(range(size), 2)
    )
    assert least * 45 > 1e-3


def test_a_billion_images_are_evenly_drawn():
    plan = IndexPlan(1, HUGE, 1000, shuffle="index")
    drawn = plan.indices(123_456, 100).ravel()
    assert len(set(drawn)) == 100_000
    assert stats.kstest(drawn / HUGE, "uniform").pvalue > 1e-3
    counts = np.bincount(drawn // (HUGE // 1000), minlength=1000)
    assert stats.chisquare(counts).pvalue > 1e-3
    assert stats.chisquare(np.bincount(drawn % 997, minlength=997)).pvalue > 1e-3
    for lag in (1, 2, 31_623, 50_000):  # 31,623: the side of the network's square
        assert abs(np.corrcoef(drawn[lag:], drawn[:-lag])[0, 1]) < 5 / np.sqrt(100_000 - lag)
    assert len(set(np.diff(drawn))) > 99_900  # steps from image to image follow no pattern


def test_epochs_and_seeds_draw_independently():
    draws = [shuffled(np.arange(50_000), HUGE, seed, epoch) for seed, epoch in [(0, 0), (0, 1), (1, 0), (1, 1)]]
    for one, other in itertools.combinations(draws, 2):
        assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(50_000)
        assert (one == other).sum() == 0


def test_a_batch_of_a_billion_takes_no_memory_and_little_time():
    plan = IndexPlan(0, HUGE, 256, shuffle="index")
    tracemalloc.start()
    plan.indices(10**12, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    times = []
    for step in range(50):
        start = time.perf_counter()
        plan.indices(step, 1)
        times.append(time.perf_counter() - start)
    assert np.median(times) < 5e-3  # 0.2 ms where nothing else runs
