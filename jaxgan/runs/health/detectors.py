"""Detectors of collapse and divergence. Each judges by itself, from columns of logged rows."""

from __future__ import annotations

import bisect
import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from jaxgan.metrics.look_alikes import SHARE, SOME

# What to do about a share of images that is no accident, by the measure of it.
LOOK_ALIKES = {
    "memorised": "take an earlier checkpoint (--step=best), more training images, or augmentations (config.augment)",
    "repeated": "G draws some images again and again; take a robust preset, or an earlier checkpoint (--step=best)",
}
# Rows are averaged over at least this many steps: single batches mean little.
WINDOW = 100
# A sign must last for this many windows, or evaluations, in a row: GANs swing, and most swings pass.
LASTING = 3
# Most warnings become errors after this many windows in a row: by then G should have learnt.
LOST = 10
# D believes this share of the generated images, and its loss is no better than a guess's: it teaches G nothing. With
# the second alone or the first alone, a GAN can be healthy: a weak D believes all images for hundreds of steps.
FOOLED = 0.98
# D is right this often while G's loss, in logits, is above the second: D is certain. Healthy MLP GANs reach 1 and 5.6.
CERTAIN, CERTAIN_LOSS = 0.99, 10.0
# Samples differ less than this part of what real images do. Young healthy GANs come down to 0.2 for some thousand
# steps (MLPs), or to 0.08 for 100 (DCGANs).
ALIKE = 0.1
# Samples differ less than this part of what they once lastingly did; the healthy GANs above keep 0.6 of it.
FALLEN = 0.4
# The entropy of the classes in the samples, as a part of real images': this is three classes of ten even ones.
FEW_CLASSES = 0.5
# A loss is this many times its usual size, in logits: divergence goes by orders of magnitude.
EXPLODED = 10.0
# A metric is this many times worse than its best; evaluations of a steady run differ by far less.
WORSE = 1.5

DIVERSITY, NEAREST = "sample/diversity", "sample/nearest"

Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Finding:
    """What the health checks found at a step.

    Attributes:
      step: when it was sure.
      kind: 'not_finite', 'exploded', 'fooled', 'certain', 'collapsed', 'alike', 'duplicates', 'few_classes',
        'memorised', 'repeated', 'worse'.
      severity: 'error' where training should not continue as it is, 'warning' where that may pass.
      sentence: what was seen and what it means.
      evidence: the numbers behind it.
      since: the last step that is known to be from before it; None for `step`.
    """

    step: int
    kind: str
    severity: str
    sentence: str
    evidence: dict[str, float]
    since: int | None = None

    @property
    def began(self) -> int:
        """Return the last step from before it, as far as that is known."""
        return self.step if self.since is None else self.since


class Detector:
    """Something to be seen in the means of columns over windows of steps, in several windows in a row."""

    def __init__(
        self,
        kind: str,
        columns: tuple[str, ...],
        seen: Callable[..., bool],
        sentence: str,
        severity: str = "error",
        lost: float = LOST,
    ):
        self.kind, self.severity, self.columns, self._lost = kind, severity, columns, lost
        self._seen, self._sentence = seen, sentence
        self._rows: list[list[float]] = []
        self._end = self._streak = self._since = 0  # of the last window; windows in a row, and the step they began at

    def update(self, row: Row) -> Finding | None:
        """Add a row that has all the columns; at the end of a window, judge its means."""
        values = [value for name in self.columns if is_finite(value := row.get(name))]
        if len(values) < len(self.columns):
            return None
        self._rows.append(values)
        if row["step"] - self._end < WINDOW:
            return None
        means = [math.fsum(column) / len(column) for column in zip(*self._rows, strict=True)]
        if not self._streak:
            self._since = self._end
        self._rows, self._end = [], row["step"]
        self._streak = self._streak + 1 if self._seen(*means) else 0
        if self._streak < LASTING:
            return None
        severity = "error" if self._streak >= self._lost else self.severity
        when = f"from step {self._since:,} to {self._end:,}"
        sentence = self._sentence.format(*means, name=self.columns[0], when=when)
        evidence = dict(zip(self.columns, means, strict=True))
        return Finding(self._end, self.kind, severity, sentence, evidence, self._since)


def fooled(undecided: float, class_weight: float) -> Detector:
    def seen(believed: float, real: float, fake: float, *classes: float) -> bool:
        return believed >= FOOLED and real + fake - class_weight * sum(classes) >= undecided

    return Detector(
        "fooled",
        ("g/acc", "d/loss_real", "d/loss_fake", *(("d/class_real", "d/class_fake") if class_weight else ())),
        seen,
        "D took {0:.1%} of the generated images for real {when}, and its loss is no better than a guess's, so it "
        "teaches G nothing: see that D trains (config.optim.d) and is large enough.",
    )


def certain() -> Detector:
    return Detector(
        "certain",
        ("g/loss", "d/acc"),
        lambda loss, right: loss >= CERTAIN_LOSS and right >= CERTAIN,
        "D was right about {1:.1%} of the images {when} and g/loss came to {0:.3g}, so G is far behind and learns "
        "little from it: lower config.optim.d.learning_rate, or both rates.",
    )


def collapsed(name: str) -> Detector:
    return Detector(
        "collapsed",
        (name,),
        _Fallen(),
        "Samples lost their variety {when}: {name} fell to {0:.2f}, "
        f"less than {FALLEN:.0%} of what it had lastingly been.",
    )


def alike() -> Detector:
    return Detector(
        "alike",
        (DIVERSITY,),
        lambda diversity: diversity < ALIKE,
        "Samples of fixed latents differed {0:.2f} times as much as real images do {when}: so far G draws much the "
        "same image for all latents.",
        "warning",
    )


def duplicates() -> Detector:
    return Detector(
        "duplicates",
        (NEAREST,),
        lambda nearest: nearest < ALIKE,
        "The most similar samples were {0:.2f} times as far apart as the most similar real images {when}: so far G "
        "draws only a few images, again and again.",
        "warning",
    )


def few_classes(name: str, real: float) -> Detector:
    return Detector(
        "few_classes",
        (name,),
        lambda entropy: entropy < FEW_CLASSES * real,
        "The classes in the samples had {0:.2f} of the largest entropy {when}, "
        f"those of real images have {real:.2f}: G leaves most classes out.",
        "warning",
    )


def look_alikes(name: str, kind: str) -> Detector:
    return Detector(
        kind,
        (name,),
        lambda share: share > SOME,
        f"{{0:.0%}} of the generated images were {kind} {{when}}, where new real images come to {SHARE:.0%}: "
        f"{LOOK_ALIKES[kind]}.",
        "warning",
        lost=math.inf,  # memorised images look right, and repeated ones may part again
    )


def exploded(name: str) -> Detector:
    return Detector(
        "exploded",
        (name,),
        _Outsized(),
        "{name} came to {0:.3g} {when}, "
        f"more than {EXPLODED:g} times its usual size: training diverges; lower the learning rates.",
    )


def of_column(name: str, class_entropy: float = 1.0) -> Detector | None:
    """Return the detector of a single column, if it has one."""
    if name.endswith("class_entropy"):
        return few_classes(name, class_entropy)
    kind = name.rpartition("/")[2]
    if kind in LOOK_ALIKES and kind != name:
        return look_alikes(name, kind)
    return exploded(name) if name in ("g/loss", "d/loss") else None


class _Fallen:
    """Whether a measure of diversity is far below what it lastingly was."""

    def __init__(self):
        self._last: list[float] = []
        self._held = 0.0

    def __call__(self, value: float) -> bool:
        fallen = value < FALLEN * self._held
        self._last = [*self._last, value][-LASTING:]
        if len(self._last) == LASTING:
            self._held = max(self._held, min(self._last))
        return fallen


class _Outsized:
    """Whether a value is far above the median of those before."""

    def __init__(self):
        self._before: list[float] = []  # absolute values in rising order

    def __call__(self, value: float) -> bool:
        usual = self._before[len(self._before) // 2] if self._before else math.inf
        bisect.insort(self._before, abs(value))
        return abs(value) > EXPLODED * (1 + usual)


class Trend:
    """A score, the lower the better, that stays far from its best."""

    def __init__(self, name: str):
        self._name = name
        self._best: float | None = None
        self._best_step = self._streak = 0

    def update(self, row: Row) -> Finding | None:
        value = row.get(self._name)
        if not self._name or not is_finite(value):
            return None
        if self._best is None or value < self._best:
            self._best, self._best_step, self._streak = value, row["step"], 0
            return None
        self._streak = self._streak + 1 if value > WORSE * self._best else 0
        if self._streak < LASTING:
            return None
        sentence = (
            f"{self._name} was more than {WORSE:g} times worse than its best in {LASTING} evaluations in a row: "
            f"{value:.4g} now, {self._best:.4g} at step {self._best_step:,}."
        )
        evidence = {self._name: value, "best": self._best, "best_step": self._best_step}
        return Finding(row["step"], "worse", "warning", sentence, evidence, self._best_step)


def not_finite(row: Row) -> Finding | None:
    bad = {name: value for name, value in row.items() if isinstance(value, float) and not math.isfinite(value)}
    if not bad:
        return None
    name, value = next(iter(bad.items()))
    sentence = f"{name} became {value}: training diverged; lower the learning rates."
    return Finding(row["step"], "not_finite", "error", sentence, bad)


def is_finite(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and math.isfinite(value)
