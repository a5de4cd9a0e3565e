import numpy as np
import pytest

from jaxgan.sampling.labels import spread_labels


@pytest.mark.parametrize(("num", "classes"), [(16, 10), (10, 10), (64, 10), (25, 7), (1000, 999), (36, 1)])
def test_every_class_appears_as_evenly_as_can_be(num, classes):
    labels = np.asarray(spread_labels(num, classes))
    counts = np.bincount(labels, minlength=classes)
    assert (labels.shape, labels.dtype) == ((num,), np.int32)
    assert (counts.min(), counts.max()) == (num // classes, -(-num // classes))
    assert (np.diff(labels) >= 0).all()


def test_a_class_is_a_row_where_classes_divide_pictures():
    np.testing.assert_array_equal(spread_labels(100, 10), np.repeat(np.arange(10), 10))


def test_too_few_pictures_show_the_first_classes():
    assert spread_labels(3, 10).tolist() == [0, 1, 2]


def test_large_numbers_do_not_wrap():
    labels = np.asarray(spread_labels(3_000_000, 1000))
    np.testing.assert_array_equal(labels, np.repeat(np.arange(1000), 3000))


def test_no_pictures_are_refused():
    with pytest.raises(ValueError, match="num is 0; expected a value at least 1"):
        spread_labels(0, 10)
