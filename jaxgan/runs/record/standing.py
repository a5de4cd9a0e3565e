"""Where a run stands, in plain sentences: how its main score moves, and whether images are memorised or repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxgan.metrics.look_alikes import SHARE, SOME
from jaxgan.rundir.evaluations import IN_TRAINING, Evaluation, protocol
from jaxgan.rundir.metrics_log import Row
from jaxgan.views.charts import seconds_of_training

ENOUGH = 3  # scores without a better one, after which more training seldom helps


def standing(evaluations: Sequence[Evaluation], rows: Sequence[Row]) -> list[str]:
    """Return sentences about the newest score that a run made in training; none where there is none.

    Args:
      evaluations: of the run, oldest first; only those that compare with the newest count.
      rows: of its metrics.
    """
    own = [entry for entry in evaluations if entry.get(IN_TRAINING)]
    alike = [entry for entry in own if protocol(entry) == protocol(own[-1])]
    if not alike:
        return []
    newest, name = alike[-1], alike[-1]["main"]
    scores = [entry["metrics"][name] for entry in alike]
    sentences = [f"{name} is {_with_error(newest['metrics'], name)} after {_time(newest, rows)}; lower is better."]
    best = min(range(len(scores)), key=scores.__getitem__)
    since = len(scores) - 1 - best
    if len(scores) > 1 and not since:
        fall = 1 - scores[-1] / min(scores[:-1]) if min(scores[:-1]) > 0 else 0.0
        sentences.append(f"It still improves: {fall:.0%} lower than the best before." if fall >= 0.005 else "")
    elif since:
        sentences.append(f"The best was {scores[best]:.4g} at step {alike[best]['step']:,}. --step=best draws it.")
        sentences.append("More training seldom helps now." if since >= ENOUGH else "")
    for measure in "memorised", "repeated":
        share = newest["metrics"].get(measure)
        if share is not None:
            told = "most" if share > 0.5 else "some" if share > SOME else "no"
            real = f"new real images come to {SHARE:.0%}"
            sentences.append(f"{measure.capitalize()}: {told} ({share:.0%} of the images; {real}).")
    return [sentence for sentence in sentences if sentence]


def _with_error(metrics: Mapping[str, Any], name: str) -> str:
    error = metrics.get(f"{name}_se")
    return f"{metrics[name]:.4g}" if error is None else f"{metrics[name]:.4g} ± {error:.2g}"


def _time(entry: Evaluation, rows: Sequence[Row]) -> str:
    """Return the minutes of training up to a score, over all processes, and its step."""
    seconds = seconds_of_training([row for row in rows if row["step"] <= entry["step"]])
    return f"{seconds / 60:.0f} minutes ({entry['step']:,} steps)"
