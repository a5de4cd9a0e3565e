"""Classes drawn alike: counts, orders and reproducibility."""

import numpy as np
import pytest

from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.data import InMemory, balanced, counts_sentence
from jaxgan.data.order.plan import IndexPlan

COUNTS = (100, 7, 0, 1)
LABELS = np.random.default_rng(0).permutation(np.repeat(np.arange(4), COUNTS))
SOURCE = InMemory(np.zeros((108, 2, 2, 1), np.uint8), LABELS, 4)


def plan(batch=9, seed=3):
    return balanced(IndexPlan(seed, 108, batch), SOURCE)


def test_every_round_has_each_class_once_in_changing_order():
    stream = LABELS[plan().indices(0, 40).ravel()].reshape(-1, 3)
    np.testing.assert_array_equal(np.sort(stream, axis=1), np.broadcast_to([0, 1, 3], stream.shape))
    assert len({tuple(row) for row in stream}) == 6


def test_within_a_class_all_images_come_before_one_comes_again():
    stream = plan().indices(0, 140).ravel()
    for label, count in enumerate(COUNTS):
        drawn = stream[LABELS[stream] == label]
        whole = drawn[: len(drawn) // count * count].reshape(-1, count) if count else drawn.reshape(0, 1)
        for epoch in whole:
            np.testing.assert_array_equal(np.sort(epoch), np.flatnonzero(label == LABELS))
        if count == 7:
            assert len({tuple(epoch) for epoch in whole}) > len(whole) / 2  # shuffled anew


def test_any_step_is_computed_alone_and_follows_from_the_seed():
    whole = plan().indices(0, 50)
    for start, count in (0, 1), (17, 5), (49, 1):
        np.testing.assert_array_equal(plan().indices(start, count), whole[start : start + count])
    assert (plan(seed=4).indices(0, 50) != whole).mean() > 0.5
    np.testing.assert_array_equal(plan(batch=27).indices(0, 5).ravel(), whole.ravel()[: 5 * 27])


def test_what_cannot_be_balanced_is_refused():
    vectors = InMemory(np.zeros((4, 2, 2, 1), np.uint8), np.zeros((4, 3)), None)
    with pytest.raises(UserError, match=r"config\.data\.balance is True, but the images have label vectors"):
        balanced(IndexPlan(0, 4, 2), vectors)
    with pytest.raises(UserError, match="but the images have no labels"):
        balanced(IndexPlan(0, 4, 2), InMemory(np.zeros((4, 2, 2, 1), np.uint8), None, None))
    with pytest.raises(UserError, match=r"config\.data\.balance is for data\.shuffle=samples"):
        balanced(IndexPlan(0, 108, 2, shuffle="batches"), SOURCE)


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ((10, 100), ""),
        ((5, 51), "classes have from 5 (ant) to 51 (bee) images; config.data.balance=True draws them alike"),
        ((0, 3), "classes have from 0 (ant) to 3 (bee) images; config.data.balance=True draws them alike"),
    ],
)
def test_unequal_counts_are_said(counts, sentence):
    info = DataInfo((2, 2, 1), sum(counts), 2, label_names=("ant", "bee"))
    labels = np.repeat([0, 1], counts)
    assert counts_sentence(info, labels, is_balanced=False) == sentence
    if sentence:
        assert counts_sentence(info, labels, is_balanced=True).endswith("; they are drawn alike")
