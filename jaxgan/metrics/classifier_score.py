"""How sure a classifier is of each image, and how varied its answers are."""

from __future__ import annotations

import numpy as np

from jaxgan.base import checks
from jaxgan.metrics.registry import Given, measure

NUM_SPLITS = 10  # in the source


def score_logits(logits: np.ndarray, *, num_splits: int = NUM_SPLITS, seed: int = 0) -> tuple[float, float]:
    """Return the classifier score, from 1 to K: its mean and standard deviation over splits.

        exp(mean_x KL(p(y|x) || p(y))),   p(y) the mean of p(y|x) over the split

    With the Inception network and its 1,008 classes it is the Inception score. A generator that draws one perfect
    image of each class reaches K: the score ignores variety within a class.

    Args:
      logits: float[N, K].
      num_splits: parts of near equal size.
      seed: images are shuffled first, so that an order by class does no harm.

    References:
      Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, "Improved Techniques for Training GANs", 2016, section 4.
    """
    checks.in_range("num_splits", num_splits, 1, len(logits))
    order = np.random.default_rng(seed).permutation(len(logits))
    scores = [_score(np.asarray(logits[rows], np.float64)) for rows in np.array_split(order, num_splits)]
    return float(np.mean(scores)), float(np.std(scores))


def _score(logits: np.ndarray) -> float:
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    p = np.exp(log_p)
    # A class that no image has any chance of adds 0, not 0 log 0.
    log_mean = np.log(np.maximum(p.mean(0), np.finfo(np.float64).tiny))
    return float(np.exp((p * (log_p - log_mean)).sum(1).mean()))


@measure(
    "classifier_score", "logits", least=NUM_SPLITS, higher=("classifier_score",), neutral=("classifier_score_std",)
)
def _measure(given: Given) -> dict[str, float]:
    mean, std = score_logits(given.logits, seed=given.seed)
    return {"classifier_score": mean, "classifier_score_std": std}
