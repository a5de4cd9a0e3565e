"""When training no longer gets better."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from jaxgan.base import checks
from jaxgan.base.types import Config
from jaxgan.rundir.evaluations import Evaluation, of_one_protocol
from jaxgan.rundir.metrics_log import Row, current_column


def check_metric(config_early_stop: Config, metric_names: Iterable[str]) -> None:
    """Raise UserError where `metric` is a name that no logged row will have.

    Args:
      config_early_stop: the section of a configuration.
      metric_names: what the step and the evaluations measure.
    """
    if config_early_stop.metric:
        known = ["epoch", "steps_per_sec", "images_per_sec", *metric_names, "g/lr", "d/lr"]
        checks.one_of("config.early_stop.metric", current_column(config_early_stop.metric), known)


def has_stalled(rows: Sequence[Row], config_early_stop: Config, evaluations: Sequence[Evaluation] = ()) -> bool:
    """Return whether the last `patience` rows that have the metric brought no new best; False where none is named.

    Scores of another protocol than that of the newest of the run's `evaluations` do not count.
    """
    stop = config_early_stop
    if not stop.metric:
        return False  # asked after each call, so rows are not gone through for nothing
    alike = of_one_protocol(rows, evaluations)
    metric = current_column(stop.metric)
    return stalled([row[metric] for row in alike if metric in row], stop.goal, stop.patience)


def stalled(values: Sequence[float], goal: str, patience: int) -> bool:
    """Return whether the last `patience` values brought no new best.

    Args:
      values: a metric at each logged step, oldest first.
      goal: 'min' or 'max'.
      patience: at least 1.
    """
    if len(values) <= patience:
        return False
    signed = np.asarray(values) * (1 if goal == "min" else -1)
    return int(np.argmin(signed)) < len(values) - patience
