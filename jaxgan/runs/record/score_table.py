"""Scores as text, and as a file."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.metrics.features.choice import NONE_FOUND
from jaxgan.metrics.registry import better
from jaxgan.rundir.evaluations import Evaluation, read_evaluations, write_evaluations
from jaxgan.views.table import aligned

WAYS = {"min": "lower", "max": "higher", "": ""}


def table(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return evaluations as lines of text: a row a figure, with its value at each step, its floor, and what is better.

    The floor is what real images reach.
    """
    names = dict.fromkeys(name for entry in evaluations for name in entry["metrics"])
    head = ["", *map(column, evaluations), "floor", "better"]
    floor, about = evaluations[-1]["floor"], evaluations[-1]["features"]
    scores = [*(entry["metrics"] for entry in evaluations), floor]
    rows = [[name, *(_figure(of.get(name)) for of in scores), WAYS[better(name)]] for name in names]
    lines = aligned([head, *rows], "<" + ">" * (len(head) - 2) + "<")
    return [*lines, evaluations[-1]["protocol"], about["about"] if about else NONE_FOUND]


def over_runs(evaluations: Sequence[Evaluation]) -> list[str]:
    """Return the mean and the standard deviation (of a sample) over runs, one evaluation of each, as lines of text."""
    names = [name for name in evaluations[0]["metrics"] if all(name in entry["metrics"] for entry in evaluations)]
    values = {name: [entry["metrics"][name] for entry in evaluations] for name in names}
    rows = [
        [name, _figure(statistics.fmean(of)), _figure(statistics.stdev(of)), WAYS[better(name)]]
        for name, of in values.items()
    ]
    return aligned([[f"{len(evaluations)} runs", "mean", "std", "better"], *rows], "<>><")


def column(entry: Evaluation) -> str:
    """Return what an evaluation is of."""
    return "images" if entry["step"] is None else f"step {entry['step']:,}"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


def check_out(out: str | Path | None) -> None:
    """Raise UserError unless scores can be written to a file of this name."""
    if out is not None and Path(out).suffix.lower() != ".json":
        raise UserError(f"{out} has no ending that scores are written to; use .json.")


def is_written(workdir: Path | None, out: str | Path | None, done: list[Evaluation]) -> bool:
    """Write the scores so far to `out`, or to the run in `workdir`; return whether that was possible.

    A refusal of the disk costs no scores.
    """
    try:
        if out is not None:
            files.write(Path(out), json.dumps(done, indent=1) + "\n")
        elif workdir is not None:
            write_evaluations(workdir, [*read_evaluations(workdir), done[-1]])
        return True
    except (OSError, UserError) as error:
        say(
            f"warning: the scores of {column(done[-1])} could not be written to {workdir if out is None else out} "
            f"({getattr(error, 'strerror', None) or error}); --out=FILE.json writes them elsewhere"
        )
        return False
