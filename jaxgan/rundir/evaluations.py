"""What a run's evaluations found, in `evaluation.json`."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from jaxgan.rundir.layout import EVALUATION_FILE
from jaxgan.rundir.metrics_log import RENAMED, Row, is_number
from jaxgan.rundir.records import read_records, write_records

IN_TRAINING = "in_training"  # of an evaluation that the run made as it was configured to

Evaluation = dict[str, Any]  # 'step', 'num', 'split', 'metrics' {name: value} and how they were made


def read_evaluations(workdir: str | Path) -> list[Evaluation]:
    """Return a run's evaluations, oldest step first; a file that holds none is reported and left out."""
    entries = read_records(Path(workdir) / EVALUATION_FILE, "evaluations", _is_evaluation)
    return sorted(map(_with_present_names, entries), key=lambda entry: entry["step"])


def _with_present_names(entry: Evaluation) -> Evaluation:
    renamed = {
        part: {RENAMED.get(name, name): value for name, value in entry[part].items()}
        for part in ("metrics", "floor")
        if part in entry
    }
    main = {"main": RENAMED.get(entry["main"], entry["main"])} if isinstance(entry.get("main"), str) else {}
    return {**entry, **renamed, **main}


def _is_evaluation(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("step"), int)
        and isinstance(entry.get("metrics"), dict)
        and isinstance(entry.get("floor", {}), dict)
        and isinstance(entry.get("num", 0), int)
        and all(map(is_number, (*entry["metrics"].values(), *entry.get("floor", {}).values())))
    )


def write_evaluations(workdir: str | Path, evaluations: list[Evaluation]) -> None:
    """Write a run's evaluations, oldest step first; of those of one step and one protocol the last stays."""
    newest: dict[tuple, Evaluation] = {}
    for entry in evaluations:
        place = (entry["step"], *protocol(entry))
        kept = {IN_TRAINING: True} if newest.get(place, {}).get(IN_TRAINING) else {}
        newest[place] = {**entry, **kept}
    entries = sorted(newest.values(), key=lambda entry: entry["step"])
    write_records(Path(workdir) / EVALUATION_FILE, entries, _is_evaluation)


def keep_evaluations(workdir: str | Path, last: int) -> None:
    """Drop the evaluations of steps after `last`: of work that was lost."""
    evaluations = read_evaluations(workdir)
    kept = [entry for entry in evaluations if entry["step"] <= last]
    if len(kept) < len(evaluations):
        write_evaluations(workdir, kept)


def protocol(entry: Evaluation) -> tuple[str, ...]:
    """Return what two evaluations must have in common for their figures to be compared."""
    names = "main", "num", "split", "seed", "weights", "ema_stats", "classes"
    entry = {"ema_stats": "average", **entry}  # older runs had no other
    features = entry.get("features")
    # Their wording may change from one version to the next, what they compute may not.
    which = [features.get(key) for key in ("name", "digest")] if isinstance(features, dict) else features
    return (*(json.dumps(entry.get(name)) for name in names), json.dumps(which))


def of_one_protocol(rows: Sequence[Row], evaluations: Sequence[Evaluation]) -> Sequence[Row]:
    """Return a run's rows, oldest first, without the older scores that cannot be compared with its newest.

    Args:
      rows: of the log.
      evaluations: oldest first; those that the run did not make in training do not count.
    """
    own = [entry for entry in evaluations if entry.get(IN_TRAINING)]
    since = max((entry["step"] for entry in own if protocol(entry) != protocol(own[-1])), default=None)
    if since is None:
        return rows
    first = min((entry["step"] for entry in own if entry["step"] > since), default=since)
    return [
        {name: value for name, value in row.items() if row["step"] >= first or not name.startswith("eval/")}
        for row in rows
    ]


def best_of_each(evaluations: Sequence[Evaluation]) -> set[int | None]:
    """Return the best step by each protocol that a run was scored by in training."""
    own = [entry for entry in evaluations if entry.get(IN_TRAINING)]
    protocols = set(map(protocol, own))
    return {best_of([entry for entry in own if protocol(entry) == one]) for one in protocols}


def best_of(evaluations: list[Evaluation], among: Collection[int] | None = None) -> int | None:
    """Return the step with the lowest main metric, the earliest of equals; None where there is none.

    Args:
      evaluations: oldest step first. Only those of one protocol are compared: the run's own, or where it made none
        while training the one that most have.
      among: steps to choose from; None for all.
    """
    if not evaluations:
        return None
    own = [entry for entry in evaluations if entry.get(IN_TRAINING)]
    kinds = [protocol(entry) for entry in reversed(own[-1:] or evaluations)]
    wanted = max(kinds, key=kinds.count)  # the newest of equals
    alike = [entry for entry in evaluations if protocol(entry) == wanted]
    chosen = [entry for entry in alike if among is None or entry["step"] in among]
    scored = [(entry["metrics"].get(str(entry.get("main")), math.nan), entry["step"]) for entry in chosen]
    return min(((value, step) for value, step in scored if math.isfinite(value)), default=(0.0, None))[1]
