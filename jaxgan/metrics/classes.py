"""Which classes a classifier sees in images: the right ones, and in the data's proportions."""

from __future__ import annotations

import numpy as np

from jaxgan.base.checks import UserError


def class_accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images in which the classifier sees the class that was asked for.

    Args:
      logits: float[N, K].
      labels: int[N], the classes asked for. Real images reach the classifier's own accuracy.

    References:
      Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs", 2017, section 4.2.
    """
    if labels.shape != logits.shape[:1]:
        raise UserError(f"labels have shape {labels.shape}; expected ({len(logits)},), one for each image.")
    return float((logits.argmax(1) == labels).mean())


def class_histogram(classes: np.ndarray, num_classes: int) -> np.ndarray:
    """Count each class, int64[K], in classes int[N]."""
    return np.bincount(classes, minlength=num_classes)


def class_entropy(counts: np.ndarray) -> float:
    """Return the entropy of a histogram over that of equal counts: 1 for all classes alike, 0 for a single one.

        -sum_i p_i ln p_i / ln K.   Floor: (K - 1) / (2 N ln K) below the law's own entropy.

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

    It is infinite if a class was seen that the data do not have. Floor: (K - 1) / 2 (1/N + 1/M) on equal laws.

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
    """Return the chi-square statistic of two histograms: about K - 1 on equal laws, whatever the numbers.

        sum_i (sqrt(M/N) n_i - sqrt(N/M) m_i)^2 / (n_i + m_i),   classes that neither has left out

    References:
      Pearson, "On the probability that two independent distributions of frequency are really samples from the same
      population", 1911.
    """
    balance = np.sqrt(real_counts.sum() / counts.sum())
    both = counts + real_counts
    seen = both > 0
    return float((np.square(balance * counts - real_counts / balance)[seen] / both[seen]).sum())
