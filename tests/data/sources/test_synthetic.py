"""The synthetic shapes."""

import numpy as np
import pytest

from jaxgan.data.sources.synthetic import CLASSES, NUM_IMAGES, Synthetic


@pytest.mark.parametrize(("size", "channels"), [(28, 1), (64, 3), (9, 3)])
def test_shape_range_and_labels(size, channels):
    source = Synthetic(size, channels)
    assert source.info.image_shape == (size, size, channels)
    assert (source.info.num_images, source.info.num_classes) == (NUM_IMAGES, len(CLASSES))
    images, labels = source.read(np.arange(70))
    assert images.shape == (70, size, size, channels)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int32
    assert np.bincount(labels).tolist() == [18, 18, 17, 17]


def test_a_image_depends_on_its_index_alone():
    source = Synthetic(16, 3)
    images, labels = source.read(np.arange(200))
    order = np.random.default_rng(0).permutation(200)
    again, same = Synthetic(16, 3).read(order)
    np.testing.assert_array_equal(again, images[order])
    np.testing.assert_array_equal(same, labels[order])
    assert len({image.tobytes() for image in images}) == 200


def test_the_shapes_have_the_areas_of_their_names():
    size = 128
    images, labels = Synthetic(size, 1).read(np.arange(256))
    bright = images[..., 0] > 100
    area = bright.sum((1, 2))
    box = np.array([np.ptp(np.argwhere(b), axis=0).__add__(1).prod() for b in bright])
    for label, part in enumerate([np.pi / 4, 1, 1 / 2, 5 / 9]):  # of the box around the shape
        np.testing.assert_allclose((area / box)[labels == label].mean(), part, atol=0.03)


def test_no_images_and_too_many():
    assert Synthetic(8, 3).read(np.array([], np.int64))[0].shape == (0, 8, 8, 3)
    with pytest.raises(IndexError, match=r"0..4095"):
        Synthetic(8, 3).read(np.array([NUM_IMAGES]))
