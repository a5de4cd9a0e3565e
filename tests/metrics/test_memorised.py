"""Memorised images against scikit-learn's neighbours, and what copies and new images come to."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxgan.metrics.distances import nearest_distances
from jaxgan.metrics.features.network import from_function
from jaxgan.metrics.memorised import memorised_share
from jaxgan.metrics.reference import create_reference
from jaxgan.metrics.suite import score

DRAWS = np.random.default_rng(0).standard_normal((3, 2_000, 4))


def test_distances_are_scikit_learns():
    training, new, _ = DRAWS
    tree = NearestNeighbors(n_neighbors=2).fit(training)
    np.testing.assert_allclose(nearest_distances(training), tree.kneighbors(training)[0][:, 1], atol=1e-6)
    np.testing.assert_allclose(nearest_distances(new, training), tree.kneighbors(new)[0][:, 0], atol=1e-6)


def test_new_images_come_to_5_percent_and_copies_to_all():
    training, new, noise = DRAWS
    share = lambda images: memorised_share(images, nearest_distances(training), training)  # noqa: E731
    assert share(new) == pytest.approx(0.05, abs=0.015)
    assert share(training) == 1
    assert share(training + 0.001 * noise) > 0.99
    assert share(np.concatenate([training[:500], new[:500]])) == pytest.approx(0.5 + 0.025, abs=0.02)
    assert share(3 * new) < 0.05


def test_images_that_are_there_twice_set_no_limit():
    training, new, _ = DRAWS
    twice = np.concatenate([training, training[:1_500]])
    assert memorised_share(new, nearest_distances(twice), twice) == pytest.approx(0.05, abs=0.02)
    for noise in (0, 1e-6 * DRAWS[2]):  # some features differ by rounding, if only that of the distances
        all_twice = np.concatenate([training, training + noise])
        assert memorised_share(training, nearest_distances(all_twice), all_twice) == 1
        assert memorised_share(training - noise, nearest_distances(all_twice), all_twice) == 1
        assert memorised_share(new, nearest_distances(all_twice), all_twice) < 0.001
    far = np.concatenate([training, training]) + 1e3
    assert memorised_share(far, nearest_distances(far), far) == 1
    same = np.zeros((5, 4))
    assert memorised_share(same[:2], nearest_distances(same), same) == 1
    assert memorised_share(same[:2] + 1, nearest_distances(same), same) == 0


def test_runs_are_scored_by_it_where_all_features_are_kept(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (40, 2, 2, 3), np.uint8)
    embed = lambda pixels: pixels.reshape(len(pixels), -1) / 255  # noqa: E731
    real = create_reference(images, None, from_function(embed, (2, 2, 3), "pixels"))
    assert score(images[:9], None, real, names=["memorised"]) == {"memorised": 1}
    monkeypatch.setattr("jaxgan.metrics.reference.NUM_KEPT", 39)
    real = create_reference(images, None, from_function(embed, (2, 2, 3), "pixels"))
    assert score(images[:9], None, real, names=["memorised"]) == {}
