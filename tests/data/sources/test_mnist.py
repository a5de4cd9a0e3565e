"""The embedded MNIST digits, against published facts about them."""

import hashlib

import numpy as np
import pytest

from jaxgan import config, data
from jaxgan.data.sources import mnist

# Published MD5 of the unpacked label and image files.
PUBLISHED = {
    "train": ("6bbc9ace898e44ae57da46a324031adb", "a25bea736e30d166cdddb491f175f624"),
    "test": ("2646ac647ad5339dbf082846283269ea", "27ae3e4e09519cfbb04c329615203637"),
}


@pytest.mark.parametrize(("split", "num_images"), [("train", 60000), ("test", 10000)])
def test_pixels_and_labels_are_the_published_ones(split, num_images):
    source = mnist.open_mnist(split)
    assert source.info.image_shape == (28, 28, 1)
    assert (source.info.num_images, source.info.num_classes) == (num_images, 10)
    images, labels = source.read(np.arange(num_images))
    assert images.dtype == np.uint8
    assert labels.dtype == np.int32

    def header(kind, *dims):
        return bytes((0, 0, 8, kind)) + np.array(dims, ">u4").tobytes()

    image_file = header(3, num_images, 28, 28) + images.tobytes()
    label_file = header(1, num_images) + labels.astype(np.uint8).tobytes()
    assert tuple(hashlib.md5(file).hexdigest() for file in (image_file, label_file)) == PUBLISHED[split]


def test_the_first_training_digits():
    _, labels = mnist.open_mnist("train").read(np.arange(10))
    assert labels.tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


def test_a_damaged_file_is_named(monkeypatch):
    monkeypatch.setitem(mnist.MD5, "t10k-labels-idx1-ubyte", "0" * 32)
    with pytest.raises(ValueError, match=r"t10k-labels-idx1-ubyte.gz is damaged"):
        mnist.open_mnist("test")


def test_the_default_with_a_path_looks_what_is_there():
    given = config.default().data
    given.path = "my_images"
    with pytest.raises(FileNotFoundError, match=r"data\.path is 'my_images', where nothing is"):
        data.open_source(given)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="expected one of train, test"):
        mnist.open_mnist("validation")
