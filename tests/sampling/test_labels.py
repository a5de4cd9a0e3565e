import jax
import numpy as np
import pytest

from jaxgan.base.checks import UserError
from jaxgan.sampling.generator import GeneratorParams, Latent
from jaxgan.sampling.labels import draw_labels, labels_in_shares, parse_label, spread_labels, vectors_of


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


def params(**facts):
    return GeneratorParams({}, None, Latent((2,)), facts.pop("num_classes", None), (-1, 1), **facts)


def test_labels_are_drawn_evenly_or_as_the_data_have_them():
    classes = np.asarray(draw_labels(params(num_classes=4), jax.random.key(0), 4_000))
    assert np.bincount(classes).min() > 900
    table = ((0.0, 1.5), (1.0, 2.5), (0.0, 1.5), (0.0, 1.5))
    drawn = np.asarray(draw_labels(params(label_size=2, label_table=table), jax.random.key(0), 4_000))
    assert drawn.shape == (4_000, 2)
    assert 0.2 < (drawn == [1, 2.5]).all(1).mean() < 0.3
    assert not np.asarray(draw_labels(params(), jax.random.key(0), 3)).any()
    with pytest.raises(UserError, match="knows none of the data's; give labels"):
        draw_labels(params(label_size=2), jax.random.key(0), 3)


def test_a_label_by_number_or_name():
    of = params(num_classes=3, label_names=("cat", "2", "dog"))
    assert parse_label(of, "dog", 2).tolist() == [2, 2]
    assert parse_label(of, "2", 1).tolist() == [1]  # a name counts first
    assert parse_label(of, "0", 1).tolist() == [0]
    for wrong in "3", "-1", "cow", "1.5":
        with pytest.raises(UserError, match=r"is no class of this GAN; give one from 0 to 2, or a name: cat, 2, dog\."):
            parse_label(of, wrong, 1)


def test_a_vector_by_numbers_or_names():
    names, table = ("hair=red", "hair=blue", "age"), ((1.0, 0.0, 3.0), (0.0, 1.0, 5.0))
    of = params(label_size=3, label_names=names, label_table=table)
    np.testing.assert_array_equal(parse_label(of, "0,1,7.5", 2), [[0, 1, 7.5]] * 2)
    np.testing.assert_array_equal(parse_label(of, "hair=blue", 2), [[0, 1, 3], [0, 1, 5]])
    np.testing.assert_array_equal(parse_label(of, "age=9,hair=red=0.5", 2), [[0.5, 0, 9], [0.5, 1, 9]])
    few = params(label_size=2, label_names=("glasses", "beard"), label_table=((0.0, 0.0),))
    np.testing.assert_array_equal(parse_label(few, "glasses,beard", 1), [[1, 1]])  # as many names as numbers
    for wrong in "0,1", "0,1,inf", "hair=green", "age=", "0,1,2,3":
        with pytest.raises(UserError, match=r"or NAME=NUMBER .* with names of hair=red, hair=blue, age"):
            parse_label(of, wrong, 2)


def test_vectors_of_the_data_come_once_before_they_come_again():
    rows = np.arange(10, dtype=np.float32).reshape(5, 2)
    assert len(np.unique(vectors_of(5, rows, 0), axis=0)) == 5
    counts = np.unique(vectors_of(12, rows, 0), axis=0, return_counts=True)[1]
    assert set(counts) == {2, 3}
