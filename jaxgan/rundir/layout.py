"""The names of all files and folders of a run."""

from __future__ import annotations

import re
from pathlib import Path

from jaxgan.base import files
from jaxgan.base.checks import UserError

CONFIG_FILE = "config.json"
GAN_FILE = "gan.py"  # copy of the file that config.gan names, where it is the user's own
METRICS_FILE = "metrics.jsonl"
EVALUATION_FILE = "evaluation.json"
ROLLBACKS_FILE = "rollbacks.json"
FAILURE_FILE = "failure.txt"  # why one run of many ended early
LOSSES_FILE = "losses.png"
PROGRESS_FILE = "progress.gif"  # the fixed-latent grids over time
REPORT_FILE = "report.html"
CSV_FILE = "metrics.csv"
WANDB_FILE = "wandb_id.txt"  # by which a resumed run is known there
LOCK_FILE = ".lock"

CHECKPOINTS = "checkpoints"  # a folder for each saved step
SAMPLES = "samples"  # the fixed-latent grids
DATA_FILE = "data.png"  # there: real images
REPLICAS = "replicas"  # a run in each of 0, 1, ...
TENSORBOARD = "tensorboard"  # event files

# In a checkpoint, as Orbax names them.
STATE, RECORD, STEP_FILE = "state", "record/metadata", "_CHECKPOINT_METADATA"
# What a process that was killed leaves among the checkpoints.
UNFINISHED = re.compile(r"[0-9]+\.(tmp|deleted|orbax-checkpoint-tmp).*")

_GRID = re.compile(r"step_[0-9]{1,18}\.png")


def checkpoints(workdir: str | Path) -> Path:
    """Return the folder of a run's checkpoints."""
    return _own(Path(workdir) / CHECKPOINTS)


def step_folder(workdir: str | Path, step: int | str) -> Path:
    """Return the folder of a checkpoint."""
    return checkpoints(workdir) / str(step)


def samples(workdir: str | Path) -> Path:
    """Return the folder of a run's grids."""
    return _own(Path(workdir) / SAMPLES)


def replicas(workdir: str | Path) -> Path:
    """Return the folder of the runs of many."""
    return _own(Path(workdir) / REPLICAS)


def check(workdir: Path) -> None:
    """Raise UserError where a folder of a run is a link, through which files elsewhere would be written."""
    for name in CHECKPOINTS, SAMPLES, REPLICAS, TENSORBOARD:
        _own(workdir / name)


def _own(folder: Path) -> Path:
    if folder.is_symlink():
        raise UserError(
            f"{folder} is a symbolic link, which may lead anywhere; put the folder itself there, or link all of the "
            "run's folder."
        )
    return folder


def grid_file(workdir: Path, step: int) -> Path:
    """Return where the fixed-latent grid of a step lies."""
    return samples(workdir) / f"step_{step:08d}.png"


def grids(workdir: Path) -> list[Path]:
    """Return the fixed-latent grids that a run has so far, oldest first."""
    found = samples(workdir).glob("step_*.png")
    return sorted(path for path in found if _GRID.fullmatch(path.name) and files.is_regular(path))
