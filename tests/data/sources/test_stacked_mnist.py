"""Stacked MNIST, against the digits it is made of and the counts that chance gives."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.config import default
from jaxgan.data import fingerprint, open_source
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.data.sources.stacked_mnist import NUM_IMAGES, StackedMnist


@pytest.fixture(scope="module", params=["train", "test"])
def split(request):
    return request.param


def test_each_channel_is_a_digit_and_the_label_names_all_three(split):
    digits, labels = open_mnist(split).read(np.arange(open_mnist(split).info.num_images))
    number_of = {digit.tobytes(): label for digit, label in zip(digits, labels, strict=True)}
    images, triples = StackedMnist(split, 28, 3).read(np.array([0, 1, 2, 1000, NUM_IMAGES - 1]))
    assert (images.shape, images.dtype, triples.dtype) == ((5, 28, 28, 3), np.uint8, np.int32)
    for image, triple in zip(images, triples, strict=True):
        r, g, b = (number_of[image[..., channel].tobytes()] for channel in range(3))
        assert triple == 100 * r + 10 * g + b


def test_all_modes_are_as_frequent_as_their_digits(split):
    digits = open_mnist(split).labels
    source = StackedMnist(split, 28, 3)
    labels = np.concatenate([source.read(np.arange(i, i + 4000))[1] for i in range(0, NUM_IMAGES, 4000)])
    counts = np.bincount(labels, minlength=1000)
    assert counts.shape == (1000,)
    assert counts.min() > 50
    share = np.bincount(digits) / len(digits)
    expected = NUM_IMAGES * np.einsum("r,g,b->rgb", share, share, share).ravel()
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_padding_is_background_on_all_sides():
    small, labels = StackedMnist("test", 28, 3).read(np.arange(50))
    large, same = StackedMnist("test", 32, 3).read(np.arange(50))
    np.testing.assert_array_equal(large, np.pad(small, ((0, 0), (2, 2), (2, 2), (0, 0))))
    np.testing.assert_array_equal(labels, same)


def test_a_image_depends_on_its_index_alone():
    source = StackedMnist("test", 28, 3)
    images, labels = source.read(np.arange(100))
    order = np.random.default_rng(0).permutation(100)
    again, same = StackedMnist("test", 28, 3).read(order)
    np.testing.assert_array_equal(again, images[order])
    np.testing.assert_array_equal(same, labels[order])
    assert len({image.tobytes() for image in images}) == 100


def test_it_is_opened_like_any_source():
    config = default().data
    config.update(source="stacked_mnist", split="test", image_size=32, channels=3, cache="none")
    source = open_source(config)
    assert source.info.image_shape == (32, 32, 3)
    assert (source.info.num_images, source.info.num_classes) == (NUM_IMAGES, 1000)
    assert fingerprint(source) != fingerprint(StackedMnist("train", 32, 3))
    with pytest.raises(IndexError, match=r"0..127999"):
        source.read(np.array([NUM_IMAGES]))
    for size, channels in ((30, 3), (28, 1)):
        config.update(image_size=size, channels=channels)
        with pytest.raises(ValueError, match=r"set data\.image_size to 28 or 32, and data\.channels to 3"):
            open_source(config)
