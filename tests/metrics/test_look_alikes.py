"""Memorised and repeated images against scikit-learn's neighbours, and what copies and new images come to."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxgan.metrics.distances import nearest_distances
from jaxgan.metrics.features.network import from_function
from jaxgan.metrics.look_alikes import memorised_share, repeated_share
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


def test_it_is_the_share_of_scikit_learns_distances():
    training, new, _ = DRAWS
    images = 0.6 * new
    nearest, apart = (NearestNeighbors(n_neighbors=2).fit(x).kneighbors(x)[0][:, 1] for x in (images, training))
    expected = np.mean(nearest < np.quantile(apart, 0.05))
    assert expected > 0.1
    assert repeated_share(images, training) == pytest.approx(expected, abs=1e-3)


def test_new_images_come_to_5_percent_and_a_few_images_to_all():
    training, new, noise = DRAWS
    assert repeated_share(new, training) == pytest.approx(0.05, abs=0.015)
    few = np.tile(new[:64], (30, 1))
    assert repeated_share(few, training[: len(few)]) == 1
    assert repeated_share(few + 0.01 * noise[: len(few)], training[: len(few)]) > 0.99
    half = np.concatenate([few[:1_000], new[:1_000]])
    assert repeated_share(half, training) == pytest.approx(0.5 + 0.025, abs=0.03)
    assert repeated_share(3 * new, training) < 0.05


def test_as_many_training_images_are_compared_as_there_are_generated_ones():
    """Of more images each has a nearer one, so that comparing all would call few images less alike than they are."""
    rng = np.random.default_rng(0)
    images, made = (rng.integers(0, 256, (num, 1, 2, 3), np.uint8) for num in (3_000, 300))
    embed = lambda pixels: pixels.reshape(len(pixels), -1) / 255  # noqa: E731
    real = create_reference(images, None, from_function(embed, (1, 2, 3), "pixels"))
    assert score(made, None, real, names=["repeated"])["repeated"] == pytest.approx(0.05, abs=0.04)
    assert score(made[:3].repeat(100, 0), None, real, names=["repeated"]) == {"repeated": 1}
