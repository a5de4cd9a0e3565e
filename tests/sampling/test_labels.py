import numpy as np
import pytest

from jaxgan.sampling.labels import labels_in_shares, spread_labels


@pytest.mark.parametrize(("num", "classes"), [(16, 10), (10, 10), (64, 10), (25, 7), (1000, 999), (36, 1)])
def test_every_class_appears_as_evenly_as_can_be(num, classes):
    labels = np.asarray(spread_labels(num, classes))
    counts = np.bincount(labels, minlength=classes)
    assert (labels.shape, labels.dtype) == ((num,), np.int32)
    assert (counts.min(), counts.max()) == (num // classes, -(-num // classes))
    assert (np.diff(labels) >= 0).all()


def test_a_class_is_a_row_where_classes_divide_images():
    np.testing.assert_array_equal(spread_labels(100, 10), np.repeat(np.arange(10), 10))


def test_too_few_images_show_the_first_classes():
    assert spread_labels(3, 10).tolist() == [0, 1, 2]


def test_large_numbers_do_not_wrap():
    labels = np.asarray(spread_labels(3_000_000, 1000))
    np.testing.assert_array_equal(labels, np.repeat(np.arange(1000), 3000))


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="num is 0; expected a value at least 1"):
        spread_labels(0, 10)


@pytest.mark.parametrize(
    ("num", "counts"), [(1000, (900, 0, 100)), (7, (1, 1, 1)), (10_000, (5923, 6742, 17)), (3, (2**40, 1))]
)
def test_classes_come_in_the_shares_of_the_data(num, counts):
    labels = labels_in_shares(num, counts, seed=0)
    due = num * np.array(counts) / sum(counts)
    assert (np.abs(np.bincount(labels, minlength=len(counts)) - due) < 1).all()
    assert (labels.shape, labels.dtype) == ((num,), np.int32)


def test_the_order_of_classes_is_mixed_and_follows_from_the_seed():
    first, again, other = (labels_in_shares(1000, (500, 500), seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert 450 < (first != other).sum() < 550
    assert 200 < first[:500].sum() < 300
