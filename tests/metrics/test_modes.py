"""Mode counts against the values published for perfect and stuck generators."""

import numpy as np
import pytest

from jaxgan.metrics import modes

# How often each digit occurs in MNIST's training set, as published.
DIGITS = np.array([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])


def test_closed_forms():
    assert modes.mode_scores(np.full(1000, 26)) == {"modes": 1000, "modes_3": 1000, "mode_kl": pytest.approx(0)}
    stuck = np.zeros(1000, int)
    stuck[7], stuck[8] = 100, 2
    scores = modes.mode_scores(stuck)
    assert (scores["modes"], scores["modes_3"]) == (2, 1)
    assert modes.mode_scores(stuck * (stuck > 2))["mode_kl"] == pytest.approx(np.log(1000))


@pytest.mark.parametrize(("num", "floor"), [(24_000, 0.0251), (25_600, 0.0239), (26_000, 0.0237), (100_000, 0.0093)])
def test_a_perfect_generator_scores_what_is_published(num, floor):
    p = DIGITS / DIGITS.sum()
    assert 999 / (2 * num) + 3 * (p * np.log(10 * p)).sum() == pytest.approx(floor, abs=4e-4)
    rng = np.random.default_rng(0)
    digits = rng.choice(10, (num, 3), p=DIGITS / DIGITS.sum())
    counts = np.bincount(digits @ [100, 10, 1], minlength=1000)
    assert modes.mode_scores(counts)["mode_kl"] == pytest.approx(floor, abs=0.002)
    assert modes.mode_scores(counts)["modes"] == 1000
