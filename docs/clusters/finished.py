"""Exit with 0 if a run made all its steps or stopped by itself, 3 if steps are left, 1 where that is not known.

python docs/clusters/finished.py runs/dcgan
"""

import sys
from pathlib import Path

from jaxgan import gans
from jaxgan.runs import folder, metrics_log, steps
from jaxgan.runs.early_stop import has_stalled
from jaxgan.runs.journal import make_watch

UNFINISHED = 3


def main(workdir: Path) -> int:
    """Return the exit status."""
    config, info = folder.load_config(workdir)
    rows = metrics_log.read_metrics(workdir)
    if max(steps.saved_steps(workdir)) >= config.train.num_steps or has_stalled(rows, config.early_stop):
        return 0
    if config.watch.action != "stop":
        return UNFINISHED
    watch = make_watch(gans.build(config, info), "")
    findings = [finding for row in rows for finding in watch.update(row)]
    return 0 if any(one.severity == "error" or one.kind == "worse" for one in findings) else UNFINISHED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
