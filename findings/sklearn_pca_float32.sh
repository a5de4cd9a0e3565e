#!/usr/bin/env bash
# scikit-learn's PCA of float32 features is wrong where their mean is large beside their deviation.
#
# Common guess: PCA centres its data first, as its docs say of each solver, so a mean of 100 does not matter, and
#   float32 costs a few digits.
# Seen (scikit-learn 1.9.1): with fewer than 1,000 features and more than 10 samples for each, the default solver
#   ("covariance_eigh", since 1.5) takes X'X minus n times the square of the mean, in float32. 50,000 samples of 64
#   independent features with a deviation of 1 have 64 variances of about 1. Around a mean of 100, PCA finds a greatest
#   one of 3 and a last one of 0, and whiten=True makes features with deviations from 0.5 to 8 million out of them.
#   Around 1,000 the greatest is over 100. svd_solver="full" is right, and so is float64. Nothing warns.
# So: give float64, or subtract the mean yourself.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
cd "$work"
OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 venv/bin/python -W error - << 'PY'
import numpy as np
from sklearn.decomposition import PCA

centred = np.random.default_rng(0).normal(size=(50_000, 64))
for mean in 0, 100, 1000:
    features = (centred + mean).astype(np.float32)
    exact = PCA().fit(features.astype(np.float64)).explained_variance_
    found = PCA().fit(features)
    variances = found.explained_variance_
    white = PCA(whiten=True).fit_transform(features).std(axis=0)
    print(f"mean {mean}: variances {variances[0]:.3f} to {variances[-1]:.3f}", end=", ")
    print(f"exact {exact[0]:.3f} to {exact[-1]:.3f}; deviations after whitening {white.min():.3f} to {white.max():.3f}")
    assert found._fit_svd_solver == "covariance_eigh" and 0.9 < exact[-1] < exact[0] < 1.1
    if mean == 0:
        assert np.allclose(variances, exact, rtol=1e-3) and np.allclose(white, 1, rtol=1e-2)
    else:
        assert variances[0] > mean / 50 and variances[-1] < 0.5 and white.min() < 0.8 and white.max() > 1.4
    for right in PCA(svd_solver="full").fit(features), PCA().fit(features - features.mean(axis=0, dtype=np.float64)):
        assert np.allclose(right.explained_variance_, exact, rtol=1e-2)
PY
