"""Nearest training images against scikit-learn."""

import numpy as np
import pytest
from PIL import Image
from sklearn.neighbors import NearestNeighbors

from jaxgan.metrics import neighbours


def pictures(num, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (num, *shape), np.uint8)


def test_they_are_scikit_learns(monkeypatch):
    monkeypatch.setattr(neighbours, "CHUNK", 13)
    images, training = pictures(20, 8, 8, 3), pictures(50, 8, 8, 3, seed=1)
    flat = NearestNeighbors(n_neighbors=1).fit(training.reshape(50, -1) / 255)
    theirs, indices = flat.kneighbors(images.reshape(20, -1) / 255)
    distances, ours = neighbours.nearest_images(images, training)
    np.testing.assert_array_equal(ours, indices[:, 0])
    np.testing.assert_allclose(distances, theirs[:, 0] / np.sqrt(8 * 8 * 3), rtol=1e-5)


def test_copies_are_found_at_zero():
    training = pictures(100, 28, 28, 1)
    distances, indices = neighbours.nearest_images(training[[7, 93, 0]], training)
    assert distances.tolist() == [0, 0, 0]
    assert indices.tolist() == [7, 93, 0]


def test_large_images_are_compared_as_means_over_squares():
    images = pictures(3, 64, 64, 1)
    vectors = neighbours.pixel_vectors(images)
    small = Image.fromarray(images[0, :, :, 0].astype(np.float32)).resize((32, 32), Image.Resampling.BOX)
    np.testing.assert_allclose(vectors[0].reshape(32, 32), np.asarray(small) / 255, atol=1e-5)
    assert neighbours.pixel_vectors(pictures(2, 50, 33, 3)).shape == (2, 25 * 17 * 3)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(28, 28, 1\)"):
        neighbours.nearest_images(pictures(1, 32, 32, 1), pictures(1, 28, 28, 1))
