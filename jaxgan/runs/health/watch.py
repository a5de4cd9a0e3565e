"""Health checks of training: they report when a GAN collapses or diverges, and nothing while it learns.

Their findings are a pure function of the rows seen. A resumed run shows them the logged rows again and continues from
the same state. So everything is judged from columns of rows. `diversity` turns images into two of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from jaxgan.base.checks import UserError
from jaxgan.runs.health import detectors
from jaxgan.runs.health.detectors import DIVERSITY, NEAREST, Detector, Finding, Row
from jaxgan.training.gan import Gan

# The non-saturating loss where D cannot tell real from generated images.
UNDECIDED = 2 * math.log(2)

MOST = 1_000  # images that are compared with each other: memory grows with their square


def diversity(samples: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Compare how much samples differ from each other with how much real images do.

    `sample/diversity` is the root mean square distance of two samples, and `sample/nearest` the mean distance of a
    sample from the nearest other one, both divided by the same of real images: 1 is as diverse as the data, 0 is one
    image. The second falls too where samples gather around a few images that differ. The first 1,000 count.

    Args:
      samples: uint8[N, H, W, C], of the same latents each time; two at least, 16 or more to be telling.
      real: uint8[N, H, W, C], as many, the same each time.

    Raises:
      ValueError: shapes that differ, or fewer than two images.
    """
    if samples.shape != real.shape or len(samples) < 2:
        raise UserError(f"samples have shape {samples.shape} and real images {real.shape}; expected the same, N > 1.")
    pairs, nearest = zip(*map(_distances, (samples[:MOST], real[:MOST])), strict=True)
    return {DIVERSITY: pairs[0] / max(pairs[1], 1e-9), NEAREST: nearest[0] / max(nearest[1], 1e-9)}


def _distances(images: np.ndarray) -> tuple[float, float]:
    """Return the root mean square distance of pairs, and the mean distance to the nearest other image."""
    x = images.reshape(len(images), -1).astype(np.float64)
    squares = np.square(x).sum(1)
    squared = np.maximum(squares[:, None] + squares[None, :] - 2 * x @ x.T, 0)
    np.fill_diagonal(squared, np.inf)
    pairs = squared[np.isfinite(squared)]
    return float(np.sqrt(pairs.mean())), float(np.sqrt(squared.min(1)).mean())


class Watch:
    """Health checks: takes rows in the order of their steps, and reports each kind once, or again as an error.

    A row is any mapping with a `step`; columns may be missing, and those of one step may come as several rows, in any
    order. To resume, show a new `Watch` the rows kept so far, and ignore what it reports again.
    """

    def __init__(
        self,
        *,
        metric: str = "",
        undecided: float | None = UNDECIDED,
        class_weight: float = 0.0,
        class_entropy: float = 1.0,
    ):
        """Begin with nothing seen.

        Args:
          metric: a column with a score of evaluations, of one protocol, the lower the better; empty for none.
          undecided: the sum of the adversarial losses on real and on generated images if all logits are zero, that
            is if D cannot tell them apart. None for losses to which zero means nothing (Wasserstein, relativistic):
            accuracies then are no evidence.
          class_weight: config.class_weight, the part of class losses in the losses.
          class_entropy: of real images, as a part of the largest: less where the data have more of some classes.
        """
        self._metric = detectors.Trend(metric)
        self._detectors = [
            detectors.collapsed(DIVERSITY),
            detectors.collapsed(NEAREST),
            detectors.alike(),
            detectors.duplicates(),
        ]
        if undecided is not None:
            self._detectors += [detectors.fooled(undecided, class_weight), detectors.certain()]
        self._class_entropy = class_entropy
        self._by_column: dict[str, Detector] = {}
        self._reported: dict[str, str] = {}  # the severity that each kind was reported with

    def update(self, row: Row) -> list[Finding]:
        """Take one row, and return what is new, most often nothing."""
        found = [detectors.not_finite(row), self._metric.update(row)]
        found += [detector.update(row) for detector in (*self._detectors, *self._detectors_of_columns(row))]
        new = []
        for finding in found:
            if finding and self._reported.get(finding.kind) not in ("error", finding.severity):
                self._reported[finding.kind] = finding.severity
                new.append(finding)
        return new

    def _detectors_of_columns(self, row: Row) -> list[Detector]:
        """Return the detectors of single columns, with new ones for columns not seen before."""
        for name in row:
            if name not in self._by_column and (detector := detectors.of_column(name, self._class_entropy)):
                self._by_column[name] = detector
        return list(self._by_column.values())


def make_watch(gan: Gan, main: str, floor: dict[str, float]) -> Watch:
    """Return health checks of a GAN that have seen no row yet.

    Args:
      gan: the GAN.
      main: the measure that steps are compared by; empty where there are no scores.
      floor: scores of real images.
    """
    return Watch(
        metric=main and f"eval/{main}",
        undecided=gan.loss.undecided(),
        class_weight=gan.class_weight,
        class_entropy=floor.get("class_entropy", 1.0),
    )


def first_collapse(findings: Iterable[Finding]) -> Finding | None:
    """Return the first finding that makes more training useless, or None."""
    return next((f for f in findings if f.severity == "error" or f.kind == "worse"), None)
