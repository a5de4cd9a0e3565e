"""States of training loops of your own, saved and read as those of runs are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import PyTree
from jaxgan.rundir import layout
from jaxgan.rundir.checkpoint import Checkpoints
from jaxgan.rundir.digests import by_path
from jaxgan.rundir.restore import read, read_newest
from jaxgan.rundir.steps import find_step


def save_state(folder: str | Path, state: PyTree, step: int, *, keep: int = 2) -> None:
    """Save a state with the digests of all its arrays; it is there whole or not at all.

    Args:
      folder: of the states; it gets `checkpoints/STEP`, in Orbax's format.
      state: a `GanState`, or any tree of arrays and typed keys.
      step: its number, at least 0.
      keep: newest states that stay in the folder.

    Raises:
      UserError: the folder holds that step already, or an array is empty.
      OSError: the disk refuses.
    """
    checks.in_range("step", step, 0, 2**63 - 1)
    checks.in_range("keep", keep, 1)
    if empty := [path for path, array in by_path(state).items() if not np.size(array)]:
        raise UserError(f"{empty[0]} of the state has no numbers, which Orbax does not write; leave it out.")
    with Checkpoints(Path(folder), keep=keep) as checkpoints:
        if step in checkpoints.steps():
            raise UserError(f"{folder} holds step {step} already; give another step, or another folder.")
        checkpoints.save(step, state)


def load_state(folder: str | Path, like: PyTree, step: int | str = "latest") -> tuple[Any, int]:
    """Read a state that `save_state` wrote, bit for bit.

    Args:
      folder: of the states.
      like: a state of the same structure, such as a new one, or its shapes from `jax.eval_shape`.
      step: its number; 'latest' takes the newest one that is not damaged.

    Returns:
      The state, and its step.

    Raises:
      FileNotFoundError: there is none, or none of that step.
      UserError: it is of another structure, shape or type, or damaged.
    """
    if step == "latest":
        number, state = read_newest(folder, lambda path: read(path, like)[0])
        return state, number
    number = find_step(Path(folder), step)
    return read(layout.step_folder(Path(folder), number), like)[0], number
