"""Scores of a run as text."""

from __future__ import annotations

from collections.abc import Sequence

from jaxgan.metrics.features.choice import NONE_FOUND
from jaxgan.rundir.evaluations import Evaluation
from jaxgan.views.table import aligned


def table(evaluations: Sequence[Evaluation]) -> str:
    """Return evaluations as text: a column a step, a row a figure, and the floor that real images reach."""
    names = list(dict.fromkeys(name for entry in evaluations for name in entry["metrics"]))
    head = ["", *map(column, evaluations), "floor"]
    floor = evaluations[-1]["floor"]
    rows = [
        [name, *(_figure(entry["metrics"].get(name)) for entry in evaluations), _figure(floor.get(name))]
        for name in names
    ]
    lines = aligned([head, *rows], "<" + ">" * (len(head) - 1))
    about = evaluations[-1]["features"]
    return "\n".join([*lines, evaluations[-1]["protocol"], about["about"] if about else NONE_FOUND])


def column(entry: Evaluation) -> str:
    """Return what an evaluation is of."""
    return "images" if entry["step"] is None else f"step {entry['step']:,}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
