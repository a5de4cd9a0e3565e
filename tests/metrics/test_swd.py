"""The sliced Wasserstein distance against scipy and normal laws."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from jaxgan.metrics import swd


def distance(first, second, **projections):
    return swd.wasserstein_1d(swd.project(first, **projections), swd.project(second, **projections))


@pytest.mark.parametrize(("n", "m"), [(40, 40), (40, 100), (7, 30), (1, 5), (31, 30)])
def test_one_dimension_is_scipys(n, m):
    rng = np.random.default_rng(0)
    a, b = np.sort(rng.standard_normal((n, 3)), 0), np.sort(rng.standard_exponential((m, 3)), 0)
    theirs = np.mean([wasserstein_distance(x, y) for x, y in zip(a.T, b.T, strict=True)])
    assert swd.wasserstein_1d(a, b) == pytest.approx(theirs, rel=1e-12)


def test_shifted_points_are_apart_by_the_mean_of_the_shift_along_directions():
    """E|u_1| of a random unit vector in D dimensions, times the shift."""
    from scipy.special import gammaln

    dim = 5
    x = np.random.default_rng(0).random((30, dim))
    shift = np.zeros(dim)
    shift[2] = 3
    expected = 3 * np.exp(gammaln(dim / 2) - gammaln((dim + 1) / 2)) / np.sqrt(np.pi)
    assert distance(x, x + shift, num_projections=4000) == pytest.approx(expected, rel=0.03)


def test_projections_follow_from_the_seed():
    x = np.random.default_rng(0).random((20, 6))
    ours = swd.project(x, num_projections=4, seed=3)
    assert ours.dtype == np.float32
    assert (np.diff(ours, axis=0) >= 0).all()
    np.testing.assert_array_equal(ours, swd.project(x, num_projections=4, seed=3))
    assert not np.array_equal(ours, swd.project(x, num_projections=4, seed=4))
    assert distance(x, x) == 0


def test_pixels():
    assert swd.pixels(np.array([[[[0], [255]]]], np.uint8)).tolist() == [[0, 1]]


def test_no_images_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        swd.wasserstein_1d(np.zeros((0, 3)), np.zeros((2, 3)))
