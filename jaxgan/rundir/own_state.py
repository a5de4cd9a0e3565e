"""States of training loops of your own, saved and read as those of runs are."""

from pathlib import Path
from typing import Any

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import PyTree
from jaxgan.rundir.checkpoint import Checkpoints
from jaxgan.rundir.restore import read_step


def save_state(folder: str | Path, state: PyTree, step: int, *, keep: int = 2) -> None:
    """Save a state with the digests of all its arrays; it is there whole or not at all.

    Args:
      folder: of the states; it gets `checkpoints/STEP`, in Orbax's format.
      state: a `GanState`, or any tree of arrays and typed keys.
      step: its number, at least 0.
      keep: newest states that stay in the folder.

    Raises:
      UserError: the folder holds that step already.
      OSError: the disk refuses.
    """
    checks.in_range("step", step, 0, 2**63 - 1)
    checks.in_range("keep", keep, 1)
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
    return read_step(folder, step, like)
