"""Frechet distance between the normal distributions that fit two sets of features."""

from __future__ import annotations

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.metrics.moments import Moments, moments
from jaxgan.metrics.registry import Given, measure


def frechet_distance(first: Moments, second: Moments) -> float:
    """Return the squared Frechet distance between two normal distributions.

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


def _root(cov: np.ndarray) -> np.ndarray:
    eigenvalues, vectors = np.linalg.eigh(cov)
    return (vectors * np.sqrt(np.clip(eigenvalues, 0, None))) @ vectors.T


@measure("fd", "features")
def _measure(given: Given) -> dict[str, float]:
    net = given.real.net
    # With fewer images than features, covariances are singular, and the distance is mostly that of the images missing.
    if net.main != net.distance_name and min(len(given.images), len(given.real.images)) <= net.num_features:
        return {}
    return {net.distance_name: frechet_distance(moments(given.features), given.real.moments)}
