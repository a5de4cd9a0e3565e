import numpy as np
import pytest
from scipy.special import rel_entr, softmax

from jaxgan.metrics.classifier_score import score_logits


def test_closed_forms():
    sure = 1000.0 * np.eye(10)[np.arange(1000) % 10]
    assert score_logits(sure, num_splits=1) == pytest.approx((10, 0), rel=1e-9)
    assert score_logits(sure[:1].repeat(50, 0))[0] == pytest.approx(1)  # always the same class
    assert score_logits(np.zeros((50, 10)))[0] == pytest.approx(1)  # never sure


def test_it_is_the_formula_by_scipy():
    logits = 3 * np.random.default_rng(0).standard_normal((100, 7))
    p = softmax(logits, axis=1)
    expected = np.exp(rel_entr(p, p.mean(0, keepdims=True)).sum(1).mean())
    assert score_logits(logits, num_splits=1)[0] == pytest.approx(expected, rel=1e-12)


def test_splits_of_images_in_the_order_of_their_classes():
    logits = 1000.0 * np.eye(10)[np.arange(1000) // 100]
    mean, std = score_logits(logits, num_splits=10)
    assert mean > 9  # unshuffled splits would hold one class each and score 1
    assert 0 < std < 0.5


def test_more_splits_than_images_are_refused():
    with pytest.raises(ValueError, match="num_splits is 10"):
        score_logits(np.zeros((5, 3)))
