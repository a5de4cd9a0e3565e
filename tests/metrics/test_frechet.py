"""The Frechet distance against closed forms, scipy's root and simulations."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from jaxgan.metrics.frechet import Moments, frechet_distance, frechet_floor, moments


def law(rng, dim, rank):
    root = rng.standard_normal((dim, rank))
    return Moments(100, rng.standard_normal(dim), root @ root.T)


def test_moments_are_numpys_however_they_are_cut():
    x = np.random.default_rng(0).standard_normal((9000, 5))
    for given in (x, iter([x[:1], x[1:10], x[10:]]), [x]):
        ours = moments(given)
        assert ours.num == 9000
        np.testing.assert_allclose(ours.mean, x.mean(0), atol=1e-14)
        np.testing.assert_allclose(ours.cov, np.cov(x, rowvar=False), rtol=1e-12, atol=1e-14)


def test_features_far_from_zero_lose_nothing():
    x = np.random.default_rng(0).standard_normal((20_000, 3)).astype(np.float32)
    far = (x + np.float32(1024)).astype(np.float32)
    exact = np.cov(far.astype(np.longdouble) - 1024, rowvar=False)
    np.testing.assert_allclose(moments(far).cov, exact.astype(float), rtol=1e-10, atol=1e-12)


def test_two_normal_laws_with_a_known_distance():
    first = Moments(10, np.zeros(4), np.eye(4))
    second = Moments(10, np.full(4, 0.5), 4 * np.eye(4))
    assert frechet_distance(first, second) == pytest.approx(5.0, abs=1e-12)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_formula_with_scipys_root(seed):
    rng = np.random.default_rng(seed)
    first, second = law(rng, 12, 20), law(rng, 12, 20)
    root = sqrtm(first.cov @ second.cov).real
    theirs = np.square(first.mean - second.mean).sum() + np.trace(first.cov + second.cov - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(theirs, rel=1e-9)
    assert frechet_distance(second, first) == pytest.approx(theirs, rel=1e-9)


def test_singular_covariances():
    """Commuting ones: the sum of (sqrt(l) - sqrt(m))^2 over the eigenvalues."""
    basis = np.linalg.qr(np.random.default_rng(0).standard_normal((6, 6)))[0]
    first, second = np.array([0, 0, 1, 4, 9, 1.0]), np.array([0, 1, 0, 1, 9, 2.0])
    both = [Moments(10, np.zeros(6), (basis * values) @ basis.T) for values in (first, second)]
    assert frechet_distance(*both) == pytest.approx(np.square(np.sqrt(first) - np.sqrt(second)).sum(), abs=1e-6)


def test_the_floor_of_normal_features_is_the_closed_form():
    rng = np.random.default_rng(0)
    scales = np.array([1.0, 2.0, 0.5, 0.0])  # a feature that never moves among them
    x = rng.standard_normal((200_000, 4)) * scales
    var = np.square(scales[:3])
    closed = (1 / 500 + 1 / 800) * (1.25 * var.sum() + 0.5 * (np.outer(var, var) / (var[:, None] + var)).sum())
    assert frechet_floor(x, 500, 800) == pytest.approx(closed, rel=0.02)


@pytest.mark.parametrize("draw", ["standard_normal", "standard_exponential"])
def test_the_floor_is_what_two_samples_of_one_law_show(draw):
    """Exponential features too, whose fourth moments are not normal: the normal formula would give half."""
    rng = np.random.default_rng(0)
    mix = rng.standard_normal((8, 8))
    sample = lambda num: getattr(rng, draw)((num, 8)) @ mix  # noqa: E731
    seen = np.mean([frechet_distance(moments(sample(2000)), moments(sample(1000))) for _ in range(60)])
    assert frechet_floor(sample(100_000), 2000, 1000) == pytest.approx(seen, rel=0.1)


def test_what_cannot_be_measured_is_named():
    with pytest.raises(ValueError, match="at least 2"):
        moments(np.zeros((1, 3)))
    with pytest.raises(ValueError, match="not finite"):
        moments(np.full((3, 3), np.nan))
    with pytest.raises(ValueError, match="3 and 4 numbers"):
        frechet_distance(moments(np.eye(3)), moments(np.eye(4)))
