"""Which charts a run's page has, as plain data that the page draws: columns that belong together, thinned."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

# A curve has at most this many points: more are finer than a screen. In longer curves a point is the mean of a bucket
# of rows, with the bucket's extremes, so that no spike is lost.
BUCKETS = 300

# Larger numbers count as infinite: sums of them may be.
LARGEST = 1e300

# Losses that span more than this factor are shown on a logarithmic axis at first.
WIDE = 50

# Columns that place a row in time and are no curves of their own.
_TIME = ("step", "epoch", "seconds", "steps_per_sec", "images_per_sec")

# Title, what the axis shows, and its fixed range, of what several columns measure.
_MEASURES: dict[str, tuple[str, str, tuple[float, float] | None]] = {
    "loss": ("Loss", "mean over the steps since the row before", None),
    "acc": ("Accuracy", "share judged right; generator: taken for real", (0, 1)),
    "class": ("Class loss", "cross-entropy, nats", None),
    "projected": ("Loss of the second discriminator", "", None),
    "lr": ("Learning rate", "", None),
    "sample": ("Samples of fixed latents", "difference between images; 1: as between real ones", None),
}
_NETS = {"g": "generator", "d": "discriminator"}
_SIDES = {"real": "real images", "fake": "generated"}

# Words for an evaluation that was not made in the usual way.
_UNUSUAL = {("weights", "raw"): "raw weights", ("ema_stats", "standing"): "BatchNorm recalibrated"}

# Numbers of the page's colours: the same net and side has the same one in every chart.
_COLOURS = {
    "generator": 0,
    "discriminator": 1,
    "discriminator, generated": 2,
    "discriminator, real images": 3,
    "real against real": 5,
}

# With a relative loss they are one figure: the share of pairs in the right order, or what is left of it.
_ACCURACIES = "d/acc_real", "d/acc_fake", "g/acc"

Rows = Sequence[Mapping[str, Any]]
Chart = dict[str, Any]


def of_rows(rows: Rows) -> list[Chart]:
    """Return the charts of logged rows: losses first, speed last.

    A chart is {title, unit, range, positive, log, marked, series}; a series is {name, colour, dashed, points, bad},
    with points [step, value] or [step, mean, low, high], and in `bad` steps at which the value was not finite, or as
    good as infinite.
    """
    is_relative = all(row.get("d/acc") == row.get("d/acc_real") == row.get("d/acc_fake") is not None for row in rows)
    hidden = (*_TIME, *_ACCURACIES) if is_relative else _TIME
    names = list(dict.fromkeys(name for row in rows for name in row if name not in hidden))
    groups: dict[str, list[tuple[str, str]]] = {key: [] for key in _MEASURES}
    for name in names:
        group, label = _place(name)
        groups.setdefault(group, []).append((label, name))
    rate = groups.pop("lr")
    # A constant rate stands in the configuration already.
    groups["lr"] = rate if any(len({row.get(name) for row in rows}) > 1 for _, name in rate) else []
    charts = [_chart(group, columns, rows) for group, columns in groups.items()]
    speed = series("images a second", column(rows, "images_per_sec"))
    charts.append(chart("Speed", [speed], unit="images a second"))
    return [one for one in charts if one["series"]]


def of_evaluations(evaluations: Rows, goals: Mapping[str, str]) -> list[Chart]:
    """Return a chart for each metric, with its floor; scores of other numbers of images are other curves."""
    charts = []
    for name in dict.fromkeys(name for one in evaluations for name in one.get("metrics", {})):
        lines, floors = [], []
        for how in dict.fromkeys(map(conditions, evaluations)):
            same = [one for one in evaluations if conditions(one) == how]
            lines.append(series(how or name, _scores(same, "metrics", name)))
            floors.append(series("real against real", _scores(same, "floor", name), dashed=True))
        goal = {"min": "lower is better", "max": "higher is better"}.get(goals.get(name, ""), "")
        charts.append(chart(name, lines + floors, unit=goal, marked=True))
    return [one for one in charts if one["series"]]


def conditions(evaluation: Mapping[str, Any]) -> str:
    """Describe how an evaluation was made; only scores made alike can be compared."""
    num, split = evaluation.get("num"), evaluation.get("split")
    parts = [f"{num:,} images"] if num else []
    parts += [f"against {split}"] if split else []
    parts += [words for (name, value), words in _UNUSUAL.items() if evaluation.get(name) == value]
    return ", ".join(parts)


def chart(
    title: str, lines: Iterable[Chart], *, unit: str = "", span: tuple[float, float] | None = None, marked: bool = False
) -> Chart:
    """Return a chart of the series that have points."""
    kept = [line for line in lines if line["points"] or line["bad"]]
    for i, line in enumerate(kept):
        line["colour"] = _COLOURS.get(line["name"], i % 5)
    seen = [p[i] for line in kept for p in line["points"] for i in range(1, len(p)) if p[i] is not None]
    positive = bool(seen) and min(seen) > 0 and not span
    wide = positive and max(seen) > WIDE * min(seen)
    return {
        "title": title,
        "unit": unit,
        "range": span,
        "positive": positive,
        "log": wide and not marked,
        "marked": marked,
        "series": kept,
    }


def column(rows: Rows, name: str) -> list[tuple[int, float]]:
    """Return (step, value) of the rows that have a number of this name."""
    return [(row["step"], float(row[name])) for row in rows if is_number(row.get(name)) and "step" in row]


def seconds_of_training(rows: Rows) -> float:
    """Add up the time of training; the clock of a resumed run starts again at zero."""
    total = before = 0.0
    for now in filter(math.isfinite, (seconds for _, seconds in column(rows, "seconds"))):
        total += now - before if now >= before else now
        before = now
    return total


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number, finite or not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def series(name: str, values: Sequence[tuple[int, float]], *, dashed: bool = False) -> Chart:
    """Return a curve of (step, value), with at most `BUCKETS` points and every extreme among them."""
    width = max(1, math.ceil(len(values) / BUCKETS))
    points, bad = [], []
    for start in range(0, len(values), width):
        bucket = values[start : start + width]
        finite = [value for _, value in bucket if abs(value) <= LARGEST]
        bad += [step for step, value in bucket if not abs(value) <= LARGEST][:1]
        points.append([bucket[-1][0], *_summary(finite)])
    if all(point[1] is None for point in points):
        points = []
    return {"name": name, "colour": 0, "dashed": dashed, "points": points, "bad": bad}


def _summary(values: list[float]) -> list[float | None]:
    if not values:
        return [None]
    mean, low, high = sum(values) / len(values), min(values), max(values)
    return [_short(mean)] if low == high else [_short(mean), _short(low), _short(high)]


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def _place(name: str) -> tuple[str, str]:
    """Return the chart that a column belongs to, and its name there: `d/loss_real` is the loss on real images."""
    net, slash, measure = name.partition("/")
    if not slash:
        return name, name
    if net not in _NETS:
        return net, measure
    base, _, side = measure.rpartition("_")
    if side in _SIDES:
        return base, f"{_NETS[net]}, {_SIDES[side]}"
    return measure, _NETS[net]


def _chart(group: str, columns: list[tuple[str, str]], rows: Rows) -> Chart:
    title, unit, span = _MEASURES.get(group, (group.replace("_", " ").capitalize(), "", None))
    lines = [series(label, column(rows, name)) for label, name in sorted(columns, key=_order)]
    return chart(title, lines, unit=unit, span=span)


def _order(labelled: tuple[str, str]) -> tuple[bool, str]:
    """Put the generator first, then the discriminator, then its parts."""
    return not labelled[0].startswith("generator"), labelled[0]


def _scores(evaluations: Rows, part: str, name: str) -> list[tuple[int, float]]:
    found = [(one["step"], one.get(part, {}).get(name)) for one in evaluations if "step" in one]
    return sorted((step, float(value)) for step, value in found if is_number(value))
