"""The names of all files and folders of a run."""

from __future__ import annotations

import os
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

GRID_BYTES = 2**26  # of a grid's file

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


def replica(workdir: str | Path, number: int) -> Path:
    """Return the folder of one run of many."""
    return _own(_own(Path(workdir) / REPLICAS) / str(number))


def replicas(workdir: str | Path) -> list[int]:
    """Return the numbers of the runs that a folder of many holds, none for a single run."""
    return numbered(Path(workdir) / REPLICAS)


def numbered(folder: Path) -> list[int]:
    """Return the numbers that are names of folders in a folder, least first; none where there is no folder."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.is_dir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)


def folder_of(workdir: str | Path, number: int | None) -> Path:
    """Return the folder of a run, or of one run of many.

    Raises:
      UserError: no run is named where there are several, or one that is not there.
    """
    workdir, known = Path(workdir), replicas(workdir)
    if number is None and not known:
        return workdir
    if number not in known:
        has = f"runs {known[0]} to {known[-1]}" if known else "one run"
        given = "no run is named" if number is None else f"replica={number}"
        raise UserError(f"{given}, but {workdir} holds {has}; name one by --replica (replica=), or a run's folder.")
    return replica(workdir, number)


def check(workdir: Path) -> None:
    """Raise UserError where a folder of a run is a link, through which files elsewhere would be written."""
    for name in CHECKPOINTS, SAMPLES, REPLICAS, TENSORBOARD:
        _own(workdir / name)


def _own(folder: Path) -> Path:
    if folder.is_symlink():
        raise UserError(f"{folder} is a symbolic link, but a run writes into its own folders; give another --workdir.")
    return folder


def grid_file(workdir: Path, step: int) -> Path:
    """Return where the fixed-latent grid of a step lies."""
    return samples(workdir) / f"step_{step:08d}.png"


def grids(workdir: Path) -> list[Path]:
    """Return the fixed-latent grids that a run has so far, oldest first."""
    found = sorted(path for path in samples(workdir).glob("step_*.png") if _GRID.fullmatch(path.name))
    return [path for path in found if files.is_regular(path) and path.stat().st_size <= GRID_BYTES]
