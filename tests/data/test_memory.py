"""Arrays of one's own as a data set, and what is said of those that are none."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base.types import DataInfo
from jaxgan.data import InMemory

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 3, 1), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize("labels", [LABELS, LABELS.astype(np.int32), LABELS.astype(np.uint8), LABELS.tolist()])
def test_arrays_are_read_by_index(labels):
    source = InMemory(IMAGES, labels, 3)
    assert source.info == DataInfo((4, 3, 1), 6, 3)
    assert source.images is IMAGES
    images, numbers = source.read(np.array([5, 0, 5]))
    np.testing.assert_array_equal(images, IMAGES[[5, 0, 5]])
    assert numbers.tolist() == [2, 0, 2]
    assert numbers.dtype == np.int32


@pytest.mark.parametrize("labels", [None, np.zeros(6, np.int32)])
def test_images_without_labels(labels):
    source = InMemory(IMAGES, labels, None)
    assert source.info.num_classes is None
    assert source.labels.tolist() == [0] * 6


def test_arrays_of_jax_are_taken():
    source = InMemory(jnp.asarray(IMAGES), jnp.asarray(LABELS), 3)
    assert type(source.read(np.arange(2))[0]) is np.ndarray


@pytest.mark.parametrize(
    ("images", "labels", "num_classes", "message"),
    [
        (IMAGES / 127.5 - 1, LABELS, 3, r"images are float64; expected uint8 .* jaxgan.to_uint8"),
        (IMAGES.astype(np.int32), LABELS, 3, "images are int32; expected uint8"),
        (IMAGES[..., 0], LABELS, 3, r"\(6, 4, 3\); expected \[N, H, W, C\]"),
        (IMAGES[0], None, None, r"\(4, 3, 1\); expected \[N, H, W, C\]"),
        (
            np.zeros((6, 3, 8, 8), np.uint8),
            LABELS,
            3,
            r"\(6, 3, 8, 8\), as of \[N, C, H, W\]",
        ),
        (IMAGES[:0], LABELS[:0], 3, "which is empty"),
        (IMAGES, LABELS[:5], 3, r"\(5,\); expected integers \(6,\)"),
        (IMAGES, np.eye(3)[LABELS], 3, r"labels are float64\(6, 3\)"),
        (IMAGES, LABELS.astype(np.float32), 3, "labels are float32"),
        (IMAGES, LABELS + 1, 3, "labels are from 1 to 3, num_classes 3; expected 0 to 2"),
        (IMAGES, LABELS - 1, 3, "labels are from -1 to 1"),
        (IMAGES, LABELS, None, "labels are given and num_classes is None"),
        (IMAGES, None, 3, "labels are not given and num_classes is 3"),
        (IMAGES, LABELS, 0, "num_classes is 0"),
    ],
)
def test_what_is_no_data_set_is_refused_with_a_sentence(images, labels, num_classes, message):
    with pytest.raises(ValueError, match=message):
        InMemory(images, labels, num_classes)
