"""Exit with 0 if a run made all its steps or stopped by itself, 3 if steps are left, 1 if that is unknown.

python docs/clusters/finished.py runs/dcgan
"""

import sys
from pathlib import Path

from jaxgan.rundir import metrics_log, saved_config, steps
from jaxgan.runs.health.early_stop import has_stalled
from jaxgan.runs.record.journal import first_collapse, watch_again

UNFINISHED = 3


def main(workdir: Path) -> int:
    """Return the exit status."""
    config, info = saved_config.load_config(workdir)
    if max(steps.saved_steps(workdir)) >= config.train.num_steps:
        return 0
    if has_stalled(metrics_log.read_metrics(workdir), config.early_stop):
        return 0
    if config.watch.action != "stop":
        return UNFINISHED
    return 0 if first_collapse(watch_again(workdir, config, info)) else UNFINISHED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
