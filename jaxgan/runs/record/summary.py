"""The metrics of many seeds as a whole: means and standard deviations over the runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jaxgan.rundir.metrics_log import MetricsLog, Row

SHARED = ("step", "epoch", "seconds", "steps_per_sec", "images_per_sec")  # not averaged


class Summary:
    """Writes the metrics.jsonl of the whole."""

    def __init__(self, workdir: Path, start: int):
        self.log = MetricsLog(workdir, start)

    def add(self, rows: Sequence[Row], collapsed: float, num_runs: int) -> Row | None:
        """Write the means of the rows of one step, and return them; None where they are written already.

        Args:
          rows: of the runs that still train.
          collapsed: share of all runs that collapsed or failed.
          num_runs: of all runs, each of which measures the speed of the whole.
        """
        joined: Row = {name: rows[0][name] for name in SHARED}
        joined["images_per_sec"] *= num_runs
        for name in [name for name in rows[0] if name not in SHARED]:
            values = [row[name] for row in rows if name in row]
            joined[name], joined[f"{name}/std"] = float(np.mean(values)), float(np.std(values))
        joined |= {"replicas": len(rows), "collapsed": collapsed}
        if not self.log.rows or self.log.rows[-1]["step"] != joined["step"]:
            self.log.write(joined)
        elif joined.keys() <= self.log.rows[-1].keys():
            return None
        else:
            self.log.amend(joined)
        return joined
