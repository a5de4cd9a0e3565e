"""Arrays of one's own as a data set, and what is said of those that are none."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base.types import DataInfo
from jaxgan.data import InMemory

PICTURES = np.random.default_rng(0).integers(0, 256, (6, 4, 3, 1), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(np.int32), LABELS.astype(np.uint8), LABELS.tolist()])
def test_arrays_are_read_by_index(labels):
    source = InMemory(PICTURES, labels, 3)
    assert source.info == DataInfo((4, 3, 1), 6, 3)
    assert source.images is PICTURES
    images, numbers = source.read(np.array([5, 0, 5]))
    np.testing.assert_array_equal(images, PICTURES[[5, 0, 5]])
    assert numbers.tolist() == [2, 0, 2]
    assert numbers.dtype == np.int32


@pytest.mark.parametrize("labels", [None, np.zeros(6, np.int32)])
def test_pictures_without_labels(labels):
    source = InMemory(PICTURES, labels, None)
    assert source.info.num_classes is None
    assert source.labels.tolist() == [0] * 6


def test_arrays_of_jax_are_taken():
    source = InMemory(jnp.asarray(PICTURES), jnp.asarray(LABELS), 3)
    assert type(source.read(np.arange(2))[0]) is np.ndarray


@pytest.mark.parametrize(
    ("images", "labels", "num_classes", "message"),
    [
        (PICTURES / 127.5 - 1, LABELS, 3, r"images are float64; expected uint8 .* jaxgan.to_uint8"),
        (PICTURES.astype(np.int32), LABELS, 3, "images are int32; expected uint8"),
        (PICTURES[..., 0], LABELS, 3, r"\(6, 4, 3\); expected \[N, H, W, C\]"),
        (PICTURES[0], None, None, r"\(4, 3, 1\); expected \[N, H, W, C\]"),
        (np.zeros((6, 3, 8, 8), np.uint8), LABELS, 3, r"\(6, 3, 8, 8\); expected .* C = 1 or 3"),
        (PICTURES[:0], LABELS[:0], 3, "which is empty"),
        (PICTURES, LABELS[:5], 3, r"shape \(5,\); expected integers of the shape \(6,\)"),
        (PICTURES, np.eye(3)[LABELS], 3, r"labels are float64 of the shape \(6, 3\)"),
        (PICTURES, LABELS.astype(np.float32), 3, "labels are float32"),
        (PICTURES, LABELS + 1, 3, "labels run from 1 to 3 and num_classes is 3; expected labels from 0 to 2"),
        (PICTURES, LABELS - 1, 3, "labels run from -1 to 1"),
        (PICTURES, LABELS, None, "labels are given and num_classes is None"),
        (PICTURES, None, 3, "labels are not given and num_classes is 3"),
        (PICTURES, LABELS, 0, "num_classes is 0"),
    ],
)
def test_what_is_no_data_set_is_refused_with_a_sentence(images, labels, num_classes, message):
    with pytest.raises(ValueError, match=message):
        InMemory(images, labels, num_classes)
