"""The kernel distance against scikit-learn's kernel, its own law and its error."""

import numpy as np
import pytest
from sklearn.metrics.pairwise import polynomial_kernel

from jaxgan.metrics.kid import kernel_distance


def mmd(x, y):
    of = lambda a, b: polynomial_kernel(a, b, degree=3, gamma=1 / x.shape[1], coef0=1)  # noqa: E731
    m, n = len(x), len(y)
    xx, yy = of(x, x), of(y, y)
    unbiased = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return unbiased - 2 * of(x, y).mean()


def test_one_subset_of_all_is_the_unbiased_mmd():
    rng = np.random.default_rng(0)
    x, y = rng.random((60, 7)), rng.random((60, 7)) + 0.2
    value, _ = kernel_distance(x, y, num_subsets=2)
    assert value == pytest.approx(mmd(x, y), rel=1e-9)


def test_the_value_is_the_mean_over_random_subsets():
    rng = np.random.default_rng(0)
    x, y = rng.random((300, 7)), rng.random((90, 7)) + 0.2
    value, _ = kernel_distance(x, y, num_subsets=5, subset_size=40, seed=3)
    draws = np.random.default_rng(3)
    rows = [[draws.choice(len(a), 40, replace=False) for _ in range(5)] for a in (x, y)]
    assert value == pytest.approx(np.mean([mmd(x[i], y[j]) for i, j in zip(*rows, strict=True)]), rel=1e-9)


def test_images_of_one_law_are_at_zero_on_average():
    """The biased form would show 0.0139 here."""
    rng = np.random.default_rng(0)
    values = [kernel_distance(*rng.standard_normal((2, 300, 64)), num_subsets=2)[0] for _ in range(100)]
    assert abs(np.mean(values)) < 3 * np.std(values) / 10
    assert min(values) < 0


@pytest.mark.long
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_error_covers_the_spread(shift):
    rng = np.random.default_rng(0)
    draws = [
        kernel_distance(
            rng.standard_normal((800, 8)), rng.standard_normal((800, 8)) + shift, num_subsets=30, subset_size=200
        )
        for _ in range(60)
    ]
    values, errors = np.array(draws).T
    assert 0.8 < errors.mean() / values.std() < (1.6 if shift else 4)


@pytest.mark.long
@pytest.mark.parametrize("shift", [0.4, 2.0])
def test_the_error_covers_the_spread_of_few_images(shift):
    rng = np.random.default_rng(0)
    real = rng.standard_normal((2_000, 8))
    draws = [kernel_distance(real, rng.standard_normal((100, 8)) + shift, num_subsets=30) for _ in range(60)]
    values, errors = np.array(draws).T
    assert 0.75 < errors.mean() / values.std() < (2 if shift < 1 else 1.3)


def test_equal_arguments_give_equal_figures():
    x, y = np.random.default_rng(0).random((2, 50, 3))
    assert kernel_distance(x, y, subset_size=20, seed=1) == kernel_distance(x, y, subset_size=20, seed=1)
    assert kernel_distance(x, y, subset_size=20, seed=1) != kernel_distance(x, y, subset_size=20, seed=2)


def test_one_image_is_too_few():
    with pytest.raises(ValueError, match="at least 2"):
        kernel_distance(np.zeros((1, 3)), np.zeros((5, 3)))
