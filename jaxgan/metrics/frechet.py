"""Frechet distance between the normal laws that fit two sets of features."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError

# Features turned into float64 at a time.
CHUNK = 4096


class Moments(NamedTuple):
    """Mean and covariance of features.

    Attributes:
      num: number of images N.
      mean: float64[D].
      cov: float64[D, D], the sum of products over N - 1.
    """

    num: int
    mean: np.ndarray
    cov: np.ndarray


def moments(features: np.ndarray | Iterable[np.ndarray]) -> Moments:
    """Compute mean and covariance in float64, chunk by chunk.

    Args:
      features: float[N, D], or any number of such chunks.

    Raises:
      ValueError: fewer than two images, or a value that is not finite.

    References:
      Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979,
      equation 2.1.
    """
    chunks = _chunks(features) if isinstance(features, np.ndarray) else features
    num, mean, scatter = 0, np.zeros(()), np.zeros(())
    for chunk in chunks:
        x = np.asarray(chunk, np.float64)
        own = x.mean(0)
        shift, centred = own - mean, x - own
        both = num + len(x)
        scatter = scatter + centred.T @ centred + np.outer(shift, shift) * (num * len(x) / both)
        mean, num = mean + shift * (len(x) / both), both
    checks.in_range("The number of images", num, 2)
    if not np.isfinite(scatter).all():
        raise UserError("The features have values that are not finite; look at the images or the feature function.")
    return Moments(num, mean, scatter / (num - 1))


def frechet_distance(first: Moments, second: Moments) -> float:
    """Return the squared Frechet distance between two normal laws.

        |m1 - m2|^2 + Tr(S1 + S2 - 2 (S1^1/2 S2 S1^1/2)^1/2)

    Its trace equals that of (S1 S2)^1/2 in the source, but only roots of symmetric matrices are taken: nothing
    becomes complex, and singular covariances need no offset.

    References:
      Heusel, Ramsauer, Unterthiner, Nessler and Hochreiter, "GANs Trained by a Two Time-Scale Update Rule Converge to
      a Local Nash Equilibrium", 2017, equation 6.
    """
    if first.mean.shape != second.mean.shape:
        raise UserError(f"features have {first.mean.size} and {second.mean.size} numbers; expected as many in both.")
    root = _root(first.cov)
    eigenvalues = np.linalg.eigvalsh(root @ second.cov @ root)
    overlap = np.sqrt(np.clip(eigenvalues, 0, None)).sum()
    distance = np.square(first.mean - second.mean).sum() + np.trace(first.cov) + np.trace(second.cov) - 2 * overlap
    return max(float(distance), 0.0)


def frechet_floor(features: np.ndarray, num_real: int, num_fake: int) -> float:
    """Return the distance to expect between two sets of images from one law.

        (1/N1 + 1/N2) [Tr S + 1/2 sum_ij Var(y_i y_j) / (l_i + l_j)]

    with y the centred features along the eigenvectors of S, and l its eigenvalues. For normal features, Var(y_i y_j) is
    l_i l_j, and twice that where i = j.

    Args:
      features: float[N, D] of images from that law, N well above D.
      num_real: N1.
      num_fake: N2.

    References:
      The second-order expansion of the distance in S1 - S2; that it falls as 1/N: Chong and Forsyth, "Effectively
      Unbiased FID and Inception Score and where to find them", 2020.
    """
    law = moments(features)
    eigenvalues, vectors = np.linalg.eigh(law.cov)
    second, fourth = np.zeros((law.mean.size, law.mean.size)), np.zeros((law.mean.size, law.mean.size))
    for chunk in _chunks(features):
        y = (np.asarray(chunk, np.float64) - law.mean) @ vectors
        second += y.T @ y
        fourth += (y * y).T @ (y * y)
    variances = fourth / law.num - np.square(second / law.num)
    sums = eigenvalues[:, None] + eigenvalues
    alive = sums > 1e-9 * eigenvalues[-1]  # features that never move add nothing
    spread = np.divide(variances, sums, out=np.zeros_like(sums), where=alive).sum()
    return float((1 / num_real + 1 / num_fake) * (np.trace(law.cov) + 0.5 * spread))


def _root(cov: np.ndarray) -> np.ndarray:
    eigenvalues, vectors = np.linalg.eigh(cov)
    return (vectors * np.sqrt(np.clip(eigenvalues, 0, None))) @ vectors.T


def _chunks(features: np.ndarray) -> Iterable[np.ndarray]:
    return (features[start : start + CHUNK] for start in range(0, len(features), CHUNK))
