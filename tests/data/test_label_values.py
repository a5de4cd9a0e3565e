"""Labels of whole data sets, wherever they are known."""

import numpy as np
import pytest

from jaxgan.base.types import DataInfo
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.converted import on_canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.label_values import TABLE, labels_of, with_table
from jaxgan.data.memory import InMemory
from jaxgan.data.validation import Checked
from jaxgan.data.views import Mirror, skip

NUM = 3 * TABLE
VECTORS = np.random.default_rng(0).normal(size=(NUM, 2)).astype(np.float32)
IMAGES = np.zeros((NUM, 4, 4, 1), np.uint8)


class Lazy:
    """A source that reads as it is asked, and counts what it read."""

    def __init__(self, labels=None):
        self.info = DataInfo((4, 4, 1), NUM, None, 2, ("x", "y"))
        self.num_read = 0
        if labels is not None:
            self.labels = labels

    def read(self, indices):
        self.num_read += len(indices)
        return IMAGES[indices], VECTORS[indices]


@pytest.mark.parametrize("known", [False, True])
def test_a_table_is_made_of_evenly_spaced_vectors(known):
    source = Lazy(VECTORS if known else None)
    table = np.array(with_table(source).info.label_table)
    assert table.shape == (TABLE, 2)
    rows = np.linspace(0, NUM - 1, TABLE).round().astype(int)
    np.testing.assert_allclose(table, VECTORS[rows], rtol=1e-5)
    assert source.num_read == (0 if known else NUM)
    assert with_table(source) is source
    assert source.num_read == (0 if known else NUM)


@pytest.mark.parametrize("known", [False, True])
def test_a_table_is_that_of_the_images_left_wherever_they_are_kept(known):
    held = skip(InMemory(IMAGES, VECTORS), NUM - 5).info.label_table
    np.testing.assert_allclose(held, VECTORS[-5:], rtol=1e-5)
    assert skip(with_table(Lazy(VECTORS if known else None)), NUM - 5).info.label_table == held


def test_a_custom_source_is_asked_for_the_rows_of_the_table_alone():
    source = Lazy()
    table = np.array(Checked(source).info.label_table)
    assert table.shape == (TABLE, 2)
    assert source.num_read == 16 + TABLE


def test_views_know_the_labels_of_what_they_show():
    source = InMemory(IMAGES, VECTORS, None)
    np.testing.assert_array_equal(labels_of(skip(source, 5)), VECTORS[5:])
    lazy = Lazy(VECTORS)
    np.testing.assert_array_equal(labels_of(skip(lazy, 5)), VECTORS[5:])
    np.testing.assert_array_equal(labels_of(Mirror(lazy)), np.concatenate([VECTORS, VECTORS]))
    np.testing.assert_array_equal(labels_of(on_canvas(lazy, Canvas(8, 1), Workers(1))), VECTORS)
    assert lazy.num_read == 0
    np.testing.assert_array_equal(labels_of(Lazy()), VECTORS)
