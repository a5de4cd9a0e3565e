"""A watch over training: it speaks when a GAN collapses or diverges, and is silent while it learns.

What it says is a pure function of the rows it has seen, so a resumed run that shows it the logged rows again goes on
from the same state. Everything is therefore judged from columns of rows: `diversity` turns pictures into two of them.
"""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError

# Rows are averaged over at least so many steps: single batches say little.
WINDOW = 100
# A sign must be there in so many windows, or evaluations, in a row: GANs swing, and most swings pass.
LASTING = 3
# D believes this share of the generated pictures, and its loss is no better than a guess's: it teaches G nothing. With
# the second alone or the first alone, a GAN can be healthy: a weak D believes all pictures for hundreds of steps.
FOOLED = 0.98
# D is right this often while G's loss, in logits, is above the second: D is certain. Healthy MLP GANs reach 1 and 5.6.
CERTAIN, CERTAIN_LOSS = 0.99, 10.0
# Samples differ less than this part of what real pictures do. Healthy MLP GANs come down to 0.32, without average 0.22.
ALIKE = 0.2
# Samples differ less than this part of what they once lastingly did.
FALLEN = 0.4
# The entropy of the classes in the samples, as a part of the largest: this is three classes of ten.
FEW_CLASSES = 0.5
# A loss or a gradient norm is so many times its usual size, in logits: divergence goes by orders of magnitude.
EXPLODED = 10.0
# A metric is so many times worse than its best; evaluations of a steady run differ by far less.
WORSE = 1.5

# The non-saturating loss where D cannot tell real from generated pictures.
UNDECIDED = 2 * math.log(2)

DIVERSITY, NEAREST = "sample/diversity", "sample/nearest"

Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something that the watch noticed.

    Attributes:
      step: when it was sure.
      kind: 'not_finite', 'fooled', 'certain', 'exploded', 'alike', 'duplicates', 'few_classes' or 'worse'.
      severity: 'error' where the run is not worth going on with as it is, else 'warning'.
      sentence: what was seen and what it means.
      evidence: the numbers behind it.
    """

    step: int
    kind: str
    severity: str
    sentence: str
    evidence: dict[str, float]


def diversity(samples: np.ndarray, real: np.ndarray) -> dict[str, float]:
    """Compare how much samples differ from each other with how much real pictures do.

    `sample/diversity` is the root mean square distance of two samples, and `sample/nearest` the mean distance of a
    sample from the nearest other one, both divided by the same of real pictures: 1 is as diverse as the data, 0 is one
    picture. The second falls too where samples gather around a few pictures that differ.

    Args:
      samples: uint8[N, H, W, C], of the same latents each time; two at least, 16 or more to be telling.
      real: uint8[N, H, W, C], as many, the same each time.

    Raises:
      ValueError: shapes that differ, or fewer than two pictures.
    """
    if samples.shape != real.shape or len(samples) < 2:
        raise UserError(
            f"samples have shape {samples.shape} and real pictures {real.shape}; expected the same, of two or more."
        )
    pairs, nearest = zip(*map(_distances, (samples, real)), strict=True)
    return {DIVERSITY: pairs[0] / max(pairs[1], 1e-9), NEAREST: nearest[0] / max(nearest[1], 1e-9)}


def _distances(pictures: np.ndarray) -> tuple[float, float]:
    """Return the root mean square distance of pairs, and the mean distance to the nearest other picture."""
    x = pictures.reshape(len(pictures), -1).astype(np.float64)
    squares = np.square(x).sum(1)
    squared = np.maximum(squares[:, None] + squares[None, :] - 2 * x @ x.T, 0)
    np.fill_diagonal(squared, np.inf)
    pairs = squared[np.isfinite(squared)]
    return float(np.sqrt(pairs.mean())), float(np.sqrt(squared.min(1)).mean())


class Watch:
    """Sees rows in the order of their steps, and says each kind of thing once.

    A row is any mapping with a `step`; columns may be missing, and those of one step may come as several rows, in any
    order. To resume, show a new watch the rows kept so far, and pass over what it says again.
    """

    def __init__(
        self, *, metric: str = "", goal: str = "min", undecided: float | None = UNDECIDED, class_weight: float = 0.0
    ):
        """Begin with nothing seen.

        Args:
          metric: a column with a score of evaluations, of one protocol; empty for none.
          goal: 'min' or 'max', which way the metric is better.
          undecided: the sum of the adversarial losses on real and on generated pictures if all logits are zero, that
            is if D cannot tell them apart. None for losses to which zero means nothing (Wasserstein, relativistic):
            accuracies then are no evidence.
          class_weight: config.class_weight, the part of class losses in the losses.
        """
        checks.one_of("goal", goal, ("min", "max"))
        self._metric = _Trend(metric, goal)
        self._signs = [_alike(), _duplicates()]
        if undecided is not None:
            self._signs += [_fooled(undecided, class_weight), _certain()]
        self._by_column: dict[str, _Sign] = {}
        self._said: set[str] = set()

    def update(self, row: Row) -> list[Finding]:
        """Take one row in, and return what is new to say, most often nothing."""
        found = [_not_finite(row), self._metric.update(row)]
        found += [sign.update(row) for sign in (*self._signs, *self._signs_of_columns(row))]
        new = []
        for finding in found:
            if finding and finding.kind not in self._said:
                self._said.add(finding.kind)
                new.append(finding)
        return new

    def _signs_of_columns(self, row: Row) -> list[_Sign]:
        """Return the signs that watch single columns, with new ones for columns not seen before."""
        for name in row:
            make = _few_classes if name.endswith("class_entropy") else _exploded if _may_explode(name) else None
            if make and name not in self._by_column:
                self._by_column[name] = make(name)
        return list(self._by_column.values())


class _Sign:
    """Something to be seen in the means of columns over windows of steps, in several windows in a row."""

    def __init__(
        self,
        kind: str,
        severity: str,
        columns: tuple[str, ...],
        seen: Callable[..., bool],
        sentence: str,
    ):
        self.kind, self.severity, self.columns = kind, severity, columns
        self._seen, self._sentence = seen, sentence
        self._rows: list[list[float]] = []
        self._ends = [0]  # of the last windows, the newest last
        self._streak = 0

    def update(self, row: Row) -> Finding | None:
        """Add a row that has all the columns; at the end of a window, judge its means."""
        values = [value for name in self.columns if _is_finite(value := row.get(name))]
        if len(values) < len(self.columns):
            return None
        self._rows.append(values)
        if row["step"] - self._ends[-1] < WINDOW:
            return None
        means = [math.fsum(column) / len(column) for column in zip(*self._rows, strict=True)]
        self._rows, self._ends = [], [*self._ends[-LASTING:], row["step"]]
        self._streak = self._streak + 1 if self._seen(*means) else 0
        if self._streak < LASTING:
            return None
        evidence = dict(zip(self.columns, means, strict=True))
        when = f"from step {self._ends[0]:,} to {row['step']:,}"
        sentence = self._sentence.format(*means, when=when)
        return Finding(row["step"], self.kind, self.severity, sentence, evidence)


def _fooled(undecided: float, class_weight: float) -> _Sign:
    def seen(believed: float, real: float, fake: float, *classes: float) -> bool:
        return believed >= FOOLED and real + fake - class_weight * sum(classes) >= undecided

    return _Sign(
        "fooled",
        "error",
        ("g/acc", "d/loss_real", "d/loss_fake", *(("d/class_real", "d/class_fake") if class_weight else ())),
        seen,
        "D took {0:.1%} of the generated pictures for real {when}, and its loss is no better than a guess's, so it "
        "teaches G nothing: see that D trains (config.optim.d) and is large enough.",
    )


def _certain() -> _Sign:
    return _Sign(
        "certain",
        "error",
        ("g/loss", "d/acc"),
        lambda loss, right: loss >= CERTAIN_LOSS and right >= CERTAIN,
        "D was right about {1:.1%} of the pictures {when} while g/loss rose to {0:.3g}, so G is far behind and learns "
        "little from it: lower config.optim.d.learning_rate, or both rates.",
    )


def _alike() -> _Sign:
    return _Sign(
        "alike",
        "error",
        (DIVERSITY,),
        _Low(),
        "Samples of fixed latents differed {0:.2f} times as much as real pictures do {when}: G draws much the same "
        "picture for all latents.",
    )


def _duplicates() -> _Sign:
    return _Sign(
        "duplicates",
        "error",
        (NEAREST,),
        _Low(),
        "The most similar samples were {0:.2f} times as far apart as the most similar real pictures {when}: G draws "
        "only a few pictures, again and again.",
    )


def _few_classes(name: str) -> _Sign:
    return _Sign(
        "few_classes",
        "warning",
        (name,),
        lambda entropy: entropy < FEW_CLASSES,
        "The classes in the samples had {0:.2f} of the largest entropy {when}: G leaves most classes out.",
    )


def _exploded(name: str) -> _Sign:
    return _Sign(
        "exploded",
        "error",
        (name,),
        _Outsized(),
        name + " was {0:.3g} {when}, more than ten times its usual size: training diverges; lower the learning rates.",
    )


def _may_explode(name: str) -> bool:
    return name in ("g/loss", "d/loss") or name.endswith("grad_norm")


class _Low:
    """Whether a measure of diversity is low, by itself or beside what it lastingly was."""

    def __init__(self):
        self._last: list[float] = []
        self._held = 0.0

    def __call__(self, value: float) -> bool:
        low = value < max(ALIKE, FALLEN * self._held)
        self._last = [*self._last, value][-LASTING:]
        if len(self._last) == LASTING:
            self._held = max(self._held, min(self._last))
        return low


class _Outsized:
    """Whether a value is far above the median of those before."""

    def __init__(self):
        self._before: list[float] = []  # absolute values in rising order

    def __call__(self, value: float) -> bool:
        usual = self._before[len(self._before) // 2] if self._before else math.inf
        bisect.insort(self._before, abs(value))
        return abs(value) > EXPLODED * (1 + usual)


class _Trend:
    """A metric that stays far from its best."""

    def __init__(self, name: str, goal: str):
        self._name, self._goal = name, goal
        self._best: float | None = None
        self._best_step = self._streak = 0

    def update(self, row: Row) -> Finding | None:
        value = row.get(self._name)
        if not self._name or not _is_finite(value):
            return None
        if self._best is None or (value < self._best if self._goal == "min" else value > self._best):
            self._best, self._best_step, self._streak = value, row["step"], 0
            return None
        worse, better = (value, self._best) if self._goal == "min" else (self._best, value)
        self._streak = self._streak + 1 if worse > WORSE * better else 0
        if self._streak < LASTING:
            return None
        sentence = (
            f"{self._name} was more than {WORSE:g} times worse than its best in {LASTING} evaluations in a row: "
            f"{value:.4g} now, {self._best:.4g} at step {self._best_step:,}."
        )
        evidence = {self._name: value, "best": self._best, "best_step": self._best_step}
        return Finding(row["step"], "worse", "warning", sentence, evidence)


def _not_finite(row: Row) -> Finding | None:
    bad = {name: value for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)}
    if not bad:
        return None
    name, value = next(iter(bad.items()))
    sentence = f"{name} became {value}: training diverged; lower the learning rates."
    return Finding(row["step"], "not_finite", "error", sentence, bad)


def _is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)
