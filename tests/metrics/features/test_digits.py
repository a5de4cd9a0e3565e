"""The classifier that comes with the package."""

import numpy as np
import pytest

from jaxgan.data.sources.mnist import open_mnist
from jaxgan.metrics.features import digits


@pytest.fixture(scope="module")
def test_set():
    return open_mnist("test")


def test_it_is_as_good_as_it_says(test_set):
    net = digits.load_digits()
    features, logits = net.features_and_logits(test_set.images)
    accuracy = (logits.argmax(1) == test_set.labels).mean()
    assert accuracy >= 0.994
    assert net.about == f"64 features of a classifier of MNIST digits, right on {accuracy:.2%} of the test set"
    assert net.distance_name == "fd_mnist"
    assert features.shape == (10_000, net.num_features)
    assert (features.std(0) > 0).all()  # none is dead


def test_the_package_stays_small():
    path = digits.importlib.resources.files("jaxgan.metrics.features").joinpath("weights", digits.FILE)
    assert len(path.read_bytes()) < 1_000_000


def test_a_damaged_file_is_refused(monkeypatch):
    digits._read.cache_clear()
    monkeypatch.setattr(digits, "SHA256", "0" * 64)
    with pytest.raises(ValueError, match=r"digits\.npz is damaged"):
        digits._read()


@pytest.mark.parametrize("size", [28, 32])
def test_stacked_digits_are_seen_one_by_one(test_set, size):
    rows = np.arange(60).reshape(20, 3)
    edge = (size - 28) // 2
    stacked = np.pad(test_set.images[rows][..., 0], [(0, 0), (0, 0), (edge, edge), (edge, edge)]).transpose(0, 2, 3, 1)
    net = digits.stacked_digits(size)
    features, logits = net.features_and_logits(stacked)
    ours, single = digits.load_digits().features_and_logits(test_set.images[:60])
    np.testing.assert_allclose(features, ours.reshape(20, 192), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(logits.argmax(1), single.argmax(1).reshape(20, 3) @ [100, 10, 1])
    assert (logits.argmax(1) == test_set.labels[rows] @ [100, 10, 1]).mean() >= 0.9


def test_stacked_digits_of_odd_padding_are_refused():
    with pytest.raises(ValueError, match="image_size is 31"):
        digits.stacked_digits(31)
    with pytest.raises(ValueError, match="image_size is 26"):
        digits.stacked_digits(26)
