"""Means and covariances against NumPy's."""

import numpy as np
import pytest

from jaxgan.metrics.moments import moments


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


def test_one_image_has_no_covariance():
    with pytest.raises(ValueError, match="at least 2"):
        moments(np.zeros((1, 3)))
