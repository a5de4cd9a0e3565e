"""The sliced Wasserstein distance against scipy and normal laws."""

import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from jaxgan.metrics import swd


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
    assert swd.sliced_wasserstein(x, x + shift, num_projections=4000) == pytest.approx(expected, rel=0.03)


def test_projections_follow_from_the_seed():
    x = np.random.default_rng(0).random((20, 6))
    ours = swd.project(x, num_projections=4, seed=3)
    assert ours.dtype == np.float32
    assert (np.diff(ours, axis=0) >= 0).all()
    np.testing.assert_array_equal(ours, swd.project(x, num_projections=4, seed=3))
    assert not np.array_equal(ours, swd.project(x, num_projections=4, seed=4))
    assert swd.sliced_wasserstein(x, x) == 0


def test_the_floor_is_what_two_samples_of_one_law_show():
    rng = np.random.default_rng(0)
    law = np.sort(rng.standard_exponential((200_000, 1)), 0)
    draws = [
        swd.wasserstein_1d(*(np.sort(rng.standard_exponential((num, 1)), 0) for num in (500, 300))) for _ in range(300)
    ]
    assert swd.wasserstein_floor(law, 500, 300) == pytest.approx(np.mean(draws), rel=0.05)


def test_pixels():
    assert swd.pixels(np.array([[[[0], [255]]]], np.uint8)).tolist() == [[0, 1]]


def test_brightness_shows_at_the_coarsest_level_alone():
    images = np.random.default_rng(0).integers(0, 200, (50, 28, 32, 3), np.uint8)
    first, second = swd.patch_vectors(images), swd.patch_vectors(images + 50)
    assert first.keys() == {28, 14}
    assert first[28].shape == (50 * 128, 49 * 3)
    np.testing.assert_allclose(second[28], first[28], atol=1e-5)
    np.testing.assert_allclose(second[14], first[14] + 50 / 255, atol=1e-5)


def test_texture_shows_at_the_finest_level():
    images = np.full((20, 56, 56, 1), 100, np.uint8)
    striped = images.copy()
    striped[:, :, ::2] += 60
    plain, stripes = swd.patch_vectors(images), swd.patch_vectors(striped)
    apart = {side: swd.sliced_wasserstein(plain[side], stripes[side] - stripes[side].mean() + plain[side].mean())
             for side in plain}  # fmt: skip
    assert apart.keys() == {56, 28, 14}
    assert apart[56] > 10 * max(apart[28], apart[14])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="as many"):
        swd.sliced_wasserstein(np.zeros((2, 3)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match="at least 14"):
        swd.patch_vectors(np.zeros((1, 8, 8, 1), np.uint8))
