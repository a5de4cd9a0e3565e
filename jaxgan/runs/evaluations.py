"""What a run's evaluations found, in `evaluation.json`."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from jaxgan.base import files
from jaxgan.base.terminal import say

EVALUATION_FILE = "evaluation.json"

Evaluation = dict[str, Any]  # 'step', 'num', 'split', 'metrics' {name: value} and how they were made


def read_evaluations(workdir: str | Path) -> list[Evaluation]:
    """Return a run's evaluations, oldest step first; a file that is none is said and left out."""
    path = Path(workdir) / EVALUATION_FILE
    if not path.is_file():
        return []
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, list) or not all(map(_is_evaluation, content)):
        say(f"warning: {path} is no list of evaluations and was left out")
        return []
    return sorted(content, key=lambda entry: entry["step"])


def _is_evaluation(entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("step"), int)
        and isinstance(entry.get("metrics"), dict)
        and all(isinstance(value, int | float) for value in entry["metrics"].values())
    )


def write_evaluations(workdir: str | Path, evaluations: list[Evaluation]) -> None:
    """Write a run's evaluations, one a step, oldest step first."""
    entries = sorted(evaluations, key=lambda entry: entry["step"])
    files.write(Path(workdir) / EVALUATION_FILE, json.dumps(entries, indent=1) + "\n")


def best_step(workdir: str | Path) -> int | None:
    """Return the step whose evaluation has the lowest main metric, the earliest of equals; None where there is none."""
    return best_of(read_evaluations(workdir))


def best_of(evaluations: list[Evaluation]) -> int | None:
    """Return the step with the lowest main metric: what `main` names in the newest entry that names one."""
    mains = [entry["main"] for entry in evaluations if isinstance(entry.get("main"), str)]
    if not mains:
        return None
    scored = [(entry["metrics"].get(mains[-1], math.inf), entry["step"]) for entry in evaluations]
    value, step = min((pair for pair in scored if math.isfinite(pair[0])), default=(math.inf, None))
    return step if math.isfinite(value) else None
