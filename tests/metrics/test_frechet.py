"""The Frechet distance against closed forms and scipy's root."""

import numpy as np
import pytest
from scipy.linalg import sqrtm

from jaxgan.metrics.frechet import frechet_distance
from jaxgan.metrics.moments import Moments, moments


def moments_of(rng, dim, rank):
    root = rng.standard_normal((dim, rank))
    return Moments(100, rng.standard_normal(dim), root @ root.T)


def test_two_normal_distributions_with_a_known_distance():
    first = Moments(10, np.zeros(4), np.eye(4))
    second = Moments(10, np.full(4, 0.5), 4 * np.eye(4))
    assert frechet_distance(first, second) == pytest.approx(5.0, abs=1e-12)
    assert frechet_distance(first, first) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_formula_with_scipys_root(seed):
    rng = np.random.default_rng(seed)
    first, second = moments_of(rng, 12, 20), moments_of(rng, 12, 20)
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


def test_what_cannot_be_measured_is_named():
    with pytest.raises(ValueError, match="3 and 4 numbers"):
        frechet_distance(moments(np.eye(3)), moments(np.eye(4)))
