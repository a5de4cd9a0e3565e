"""The index plan, against its definition written out position by position."""

import tracemalloc

import numpy as np
import pytest

from jaxgan.data import IndexPlan


def stream(plan, num_epochs):
    """The definition: epoch after epoch, each cut to its length."""
    length = plan.epoch_length
    epochs = []
    for epoch in range(num_epochs):
        key = np.array([plan.seed % 2**64, epoch], np.uint64)
        order = np.random.Generator(np.random.Philox(key=key)).permutation(plan.num_images)
        epochs.append(order[:length])
    return np.concatenate(epochs)


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize(("num_images", "batch_size"), [(10, 3), (12, 4), (5, 5), (7, 1)])
def test_batches_are_cut_from_one_stream(num_images, batch_size, drop):
    plan = IndexPlan(3, num_images, batch_size, drop)
    expected = stream(plan, 6)
    count = len(expected) // batch_size
    got = plan.indices(0, count)
    assert got.dtype == np.int64
    assert got.shape == (count, batch_size)
    np.testing.assert_array_equal(got.ravel(), expected[: count * batch_size])


def test_any_window_agrees_with_the_whole():
    plan = IndexPlan(0, 11, 4)
    whole = plan.indices(0, 40)
    for start, count in [(0, 1), (2, 5), (39, 1), (7, 0)]:
        np.testing.assert_array_equal(plan.indices(start, count), whole[start : start + count])


def test_each_epoch_sees_every_image_once_in_another_order():
    rows = IndexPlan(1, 100, 10).indices(0, 20).reshape(2, 100)
    for row in rows:
        np.testing.assert_array_equal(np.sort(row), np.arange(100))
    assert (rows[0] != rows[1]).any()


def test_seeds_differ_and_a_seed_repeats():
    one, two = IndexPlan(1, 50, 10), IndexPlan(2, 50, 10)
    np.testing.assert_array_equal(one.indices(3, 4), IndexPlan(1, 50, 10).indices(3, 4))
    assert (one.indices(0, 5) != two.indices(0, 5)).any()
    assert IndexPlan(-1, 50, 10).indices(0, 1).shape == (1, 10)


def test_a_far_step_is_as_near_as_the_first():
    plan = IndexPlan(0, 1000, 128)
    far = plan.indices(10**12, 2)
    assert far.min() >= 0
    assert far.max() < 1000
    np.testing.assert_array_equal(plan.indices(10**12 + 1, 1)[0], far[1])


def test_epochs_in_steps():
    assert IndexPlan(0, 10, 4).steps_per_epoch == 2.5
    assert IndexPlan(0, 10, 4, drop_remainder=True).steps_per_epoch == 2
    assert IndexPlan(0, 10, 4).epoch_length == 10
    assert IndexPlan(0, 10, 4, True).epoch_length == 8


def test_the_result_may_be_changed_without_changing_the_plan():
    plan = IndexPlan(0, 8, 8)
    first = plan.indices(0, 1)
    kept = first.copy()
    first[:] = 0
    np.testing.assert_array_equal(plan.indices(0, 1), kept)


@pytest.mark.parametrize(("num_images", "batch_size"), [(4, 5), (0, 1), (4, 0)])
def test_impossible_plans_are_refused(num_images, batch_size):
    with pytest.raises(ValueError, match="expected at"):
        IndexPlan(0, num_images, batch_size)


def test_negative_steps_are_refused():
    with pytest.raises(ValueError, match="negative"):
        IndexPlan(0, 4, 2).indices(-1, 1)


@pytest.mark.parametrize("drop", [False, True])
def test_shuffling_by_index_is_an_epoch_too(drop):
    plan = IndexPlan(3, 103, 10, drop, shuffle="index")
    rows = plan.indices(0, 206).ravel()
    epochs = rows[: 20 * plan.epoch_length].reshape(20, plan.epoch_length)
    for epoch in epochs:
        assert len(set(epoch)) == plan.epoch_length
        assert 0 <= epoch.min() <= epoch.max() < 103
    assert len({tuple(epoch) for epoch in epochs}) == 20
    np.testing.assert_array_equal(plan.indices(57, 3).ravel(), rows[570:600])


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize(("num_images", "batch_size"), [(11, 4), (12, 4), (5, 4), (7, 7), (6, 1)])
def test_batches_of_fixed_content_are_shuffled_whole(num_images, batch_size, drop):
    plan = IndexPlan(3, num_images, batch_size, drop, shuffle="batches")
    steps = num_images // batch_size if drop else -(-num_images // batch_size)
    contents = {tuple(i % num_images for i in range(j * batch_size, (j + 1) * batch_size)) for j in range(steps)}
    assert plan.steps_per_epoch == len(contents) == steps
    for epoch in range(8):
        got = plan.indices(epoch * steps, steps)
        assert {tuple(batch) for batch in got} == contents
        assert [(epoch * steps + i) * batch_size // plan.epoch_length for i in range(steps)] == [epoch] * steps


def test_the_batches_come_in_another_order_each_epoch():
    epochs = IndexPlan(0, 100, 10, shuffle="batches").indices(0, 30)[:, 0].reshape(3, 10)
    assert len({tuple(order) for order in epochs}) == 3
    with pytest.raises(ValueError, match=r"data\.shuffle is 'batch'"):
        IndexPlan(3, 11, 4, shuffle="batch")


def test_where_batches_fill_the_data_exactly_their_order_is_as_it_ever_was():
    plan = IndexPlan(5, 12, 4, shuffle="batches")
    orders = [np.random.Generator(np.random.Philox(key=np.array([5, e], np.uint64))).permutation(3) for e in (0, 1)]
    np.testing.assert_array_equal(plan.indices(0, 6)[:, 0], 4 * np.concatenate(orders))


def test_a_step_among_batches_does_no_work_that_grows_with_the_data():
    plan = IndexPlan(0, 10**9 + 7, 4096, shuffle="batches")
    plan.indices(0, 1)  # draws the order of 244,141 batches
    tracemalloc.start()
    plan.indices(1, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**19
