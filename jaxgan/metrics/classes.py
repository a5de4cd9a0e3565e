"""Which classes a classifier sees in images: the right ones, and in the data's proportions."""

from __future__ import annotations

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.metrics.registry import Given, measure


def class_accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images that the classifier assigns to the class asked for.

    Args:
      logits: float[N, K].
      labels: int[N], the classes asked for. Real images reach the classifier's own accuracy.

    References:
      Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", 2017, section 4.2.
    """
    if labels.shape != logits.shape[:1]:
        raise UserError(f"labels have shape {labels.shape}; expected ({len(logits)},), one for each image.")
    return float((logits.argmax(1) == labels).mean())


def predicted(logits: np.ndarray) -> np.ndarray:
    """Count the classes that logits float[N, K] predict: int64[K]."""
    return np.bincount(logits.argmax(1), minlength=logits.shape[1])


def class_entropy(counts: np.ndarray) -> float:
    """Return the entropy of a histogram over that of equal counts: 1 for equal counts, 0 for a single class.

        -sum_i p_i ln p_i / ln K.   Floor: (K - 1) / (2 N ln K) below the entropy of the distribution.

    Args:
      counts: int[K], at least two classes.

    References:
      Miller, "Note on the bias of information estimates", 1955, for the floor.
    """
    p = counts[counts > 0] / counts.sum()
    return max(0.0, float(-(p * np.log(p)).sum() / np.log(len(counts))))


def class_kl(counts: np.ndarray, real_counts: np.ndarray) -> float:
    """Return the Kullback-Leibler divergence of a histogram from the data's, in nats.

        sum_i p_i ln(p_i / q_i),   p the images', q the data's

    It is infinite if a class was seen that the data lack. Floor: (K - 1) / 2 (1/N + 1/M) on equal distributions.

    Args:
      counts: int[K] of N images.
      real_counts: int[K] of M real images.

    References:
      Kullback and Leibler, "On information and sufficiency", 1951, equation 2.4.
    """
    p, q = counts / counts.sum(), real_counts / real_counts.sum()
    seen = p > 0
    with np.errstate(divide="ignore"):
        return max(0.0, float((p[seen] * np.log(p[seen] / q[seen])).sum()))


def class_chi_square(counts: np.ndarray, real_counts: np.ndarray) -> float:
    """Return the chi-square statistic of two histograms: about K - 1 on equal distributions, whatever the numbers.

        sum_i (sqrt(M/N) n_i - sqrt(N/M) m_i)^2 / (n_i + m_i),   classes that neither has left out

    References:
      Pearson, "On the probability that two independent distributions of frequency are really samples from the same
      population", 1911.
    """
    balance = np.sqrt(real_counts.sum() / counts.sum())
    both = counts + real_counts
    seen = both > 0
    return float((np.square(balance * counts - real_counts / balance)[seen] / both[seen]).sum())


@measure("class_accuracy", "logits", "labels", higher=("class_accuracy",))
def _accuracy(given: Given) -> dict[str, float]:
    return {"class_accuracy": class_accuracy(given.logits, given.labels)}


@measure("class_entropy", "logits", higher=("class_entropy",))
def _entropy(given: Given) -> dict[str, float]:
    return {"class_entropy": class_entropy(predicted(given.logits))}


@measure("class_kl", "logits")
def _kl(given: Given) -> dict[str, float]:
    # Half an image of a class that the network never sees in the data: a figure that JSON can hold, not infinity.
    return {"class_kl": class_kl(predicted(given.logits), np.maximum(given.real.class_counts, 0.5))}


@measure("class_chi_square", "logits")
def _chi_square(given: Given) -> dict[str, float]:
    return {"class_chi_square": class_chi_square(predicted(given.logits), given.real.class_counts)}
