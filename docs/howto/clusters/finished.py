"""Exit with 0 if a run made all its steps or stopped by itself, 3 if steps are left, 1 if that is unknown.

python docs/howto/clusters/finished.py runs/dcgan
"""

import sys
from pathlib import Path

from jaxgan.rundir import saved_config, steps
from jaxgan.runs.health.health import saved_health

UNFINISHED = 3


def main(workdir: Path) -> int:
    """Return the exit status."""
    config, info = saved_config.load_config(workdir)
    if max(steps.saved_steps(workdir)) >= config.train.num_steps:
        return 0
    return 0 if saved_health(workdir, config, info).ends else UNFINISHED


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
