"""Neighbour measures against scikit-learn, and against what their definitions say of one law."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from jaxgan.metrics import distances
from jaxgan.metrics.prdc import neighbour_scores


def by_scikit_learn(real, fake, k_manifold=3, k_density=5):
    def radii(x, k):
        # Asked about the points it was fitted to without naming them, it leaves each one itself out.
        return NearestNeighbors(n_neighbors=k).fit(x).kneighbors()[0][:, -1]

    between = np.linalg.norm(real[:, None] - fake[None], axis=-1)
    within = between < radii(real, k_density)[:, None]
    return {
        "precision": (between <= radii(real, k_manifold)[:, None]).any(0).mean(),
        "recall": (between <= radii(fake, k_manifold)).any(1).mean(),
        "density": within.sum(0).mean() / k_density,
        "coverage": within.any(1).mean(),
    }


@pytest.mark.parametrize("neighbours", [(3, 5), (1, 2), (5, 5)])
def test_they_are_what_scikit_learns_neighbours_give(neighbours, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", 2000)
    rng = np.random.default_rng(0)
    real, fake = rng.standard_normal((150, 4)), 0.8 * rng.standard_normal((90, 4)) + 0.3
    ours = neighbour_scores(real, fake, k_manifold=neighbours[0], k_density=neighbours[1])
    assert ours == pytest.approx(by_scikit_learn(real, fake, *neighbours), abs=1e-12)
    assert 0 < ours["recall"] < ours["precision"] < 1


def test_the_border_of_a_ball_belongs_to_the_manifold_alone():
    """Real images at 0, 1, 2; with k = 1 all radii are 1, and a fake at -1 lies on a border."""
    real, fake = np.array([[0.0], [1], [2]]), np.array([[-1.0], [-100]])
    scores = neighbour_scores(real, fake, k_manifold=1, k_density=1)
    assert scores == {"precision": 0.5, "recall": 1.0, "density": 0.0, "coverage": 0.0}


def expected_coverage(num_real, num_fake, k=5):
    """The chance that not all k nearest of the other N + M - 1 images are real."""
    real = np.arange(num_real - k, num_real, dtype=np.float64)
    return 1 - np.prod(real / (real + num_fake))


def test_one_distribution_has_density_one_and_the_expected_coverage():
    rng = np.random.default_rng(0)
    draws = [neighbour_scores(rng.standard_normal((400, 3)), rng.standard_normal((300, 3))) for _ in range(30)]
    means = {name: np.mean([draw[name] for draw in draws]) for name in draws[0]}
    assert means["density"] == pytest.approx(1, abs=0.02)
    assert means["coverage"] == pytest.approx(expected_coverage(400, 300), abs=0.005)


def test_expected_coverage_of_large_equal_sets():
    assert expected_coverage(10_000, 10_000, 5) == pytest.approx(0.969, abs=5e-4)
    assert expected_coverage(10_000, 10_000, 3) == pytest.approx(0.875, abs=5e-4)


def test_a_generator_stuck_on_one_image():
    real = np.random.default_rng(0).standard_normal((200, 3))
    scores = neighbour_scores(real, np.repeat(real[:1], 50, axis=0))
    assert scores["precision"] == 1
    assert scores["recall"] <= 1 / 200
    assert scores["coverage"] < 0.1


def test_too_few_images_are_refused():
    with pytest.raises(ValueError, match="at least 6"):
        neighbour_scores(np.zeros((5, 2)), np.zeros((9, 2)))
