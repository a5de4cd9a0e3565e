"""Histograms of classes against scipy."""

import numpy as np
import pytest
from scipy import stats

from jaxgan.metrics import classes

COUNTS, REAL = np.array([30, 0, 50, 20]), np.array([100, 110, 90, 100])


def test_accuracy_and_histogram():
    logits = np.eye(4)[[0, 1, 2, 2]]
    assert classes.class_accuracy(logits, np.array([0, 1, 2, 3])) == 0.75
    assert classes.predicted(logits).tolist() == [1, 1, 2, 0]
    with pytest.raises(ValueError, match=r"expected \(4,\)"):
        classes.class_accuracy(logits, np.array([0, 1]))


def test_entropy():
    assert classes.class_entropy(np.array([5, 5, 5])) == pytest.approx(1)
    assert classes.class_entropy(np.array([0, 9, 0])) == 0
    assert classes.class_entropy(COUNTS) == pytest.approx(stats.entropy(COUNTS, base=4))


def test_divergence():
    assert classes.class_kl(COUNTS, REAL) == pytest.approx(stats.entropy(COUNTS, REAL))
    assert classes.class_kl(REAL, 3 * REAL) == pytest.approx(0, abs=1e-15)
    assert classes.class_kl(REAL, COUNTS) == np.inf


def test_chi_square():
    expected = stats.chi2_contingency(np.stack([COUNTS, REAL]), correction=False).statistic
    assert classes.class_chi_square(COUNTS, REAL) == pytest.approx(expected)
    assert classes.class_chi_square(np.array([1, 0, 2]), np.array([1, 0, 2])) == 0


def test_floors():
    rng = np.random.default_rng(0)
    law = np.full(10, 0.1)
    drawn = [(rng.multinomial(500, law), rng.multinomial(2000, law)) for _ in range(1000)]
    divergence = np.mean([classes.class_kl(*pair) for pair in drawn])
    assert divergence == pytest.approx(9 / 2 * (1 / 500 + 1 / 2000), rel=0.1)
    assert np.mean([classes.class_chi_square(*pair) for pair in drawn]) == pytest.approx(9, rel=0.05)
    below = 1 - np.mean([classes.class_entropy(counts) for counts, _ in drawn])
    assert below == pytest.approx(9 / (2 * 500 * np.log(10)), rel=0.1)
