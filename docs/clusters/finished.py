"""Exit with 0 if a run has made all its steps, else with 1: for scripts that put themselves into a queue again.

python docs/clusters/finished.py runs/dcgan
"""

import sys
from pathlib import Path

from jaxgan.runs import folder, steps

workdir = Path(sys.argv[1])
sys.exit(max(steps.saved_steps(workdir)) < folder.load_saved(workdir).config.train.num_steps)
