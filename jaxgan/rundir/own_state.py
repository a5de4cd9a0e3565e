"""States of training loops of your own, saved and read as those of runs are."""

from __future__ import annotations

import itertools
import operator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.settings import user_path
from jaxgan.base.types import PyTree
from jaxgan.rundir import layout
from jaxgan.rundir.checkpoint import Checkpoints
from jaxgan.rundir.lock import locked
from jaxgan.rundir.restore import read_step, slashed


def save_state(folder: str | Path, state: PyTree, step: int, *, keep: int = 2) -> None:
    """Save a state with the digests of all its arrays; it is there whole or not at all.

    Args:
      folder: of the states; it gets `checkpoints/STEP`, in Orbax's format.
      state: a `GanState`, or any tree of arrays and typed keys.
      step: its number, at least 0 and later than those that the folder holds.
      keep: newest states that stay in the folder.

    Raises:
      UserError: the folder holds that step or a later one already, is that of a run, or another process saves there;
        or the state holds something else than arrays and keys.
      OSError: the disk refuses.
    """
    step, folder = _whole("step", step), user_path(folder)
    checks.in_range("step", step, 0, 2**63 - 1)
    checks.in_range("keep", keep, 1)
    _check("state", state)
    _check_names(state)
    if (folder / layout.CONFIG_FILE).exists():
        raise UserError(f"{folder} is the folder of a run, which has checkpoints of its own; give another folder.")
    with locked(folder), Checkpoints(folder, keep=keep) as checkpoints:
        newest = max(checkpoints.steps(), default=-1)
        if step <= newest:
            raise UserError(
                f"step is {step}, but {folder} holds step {newest} already; give another step, a later one, or another "
                "folder."
            )
        checkpoints.save(step, state)


def load_state(folder: str | Path, like: PyTree, step: int | str = "latest") -> tuple[Any, int]:
    """Read a state that `save_state` wrote, bit for bit.

    Args:
      folder: of the states.
      like: a state of the same structure, such as a new one, or its shapes from `jax.eval_shape`.
      step: its number; 'latest' takes the newest one that is not damaged.

    Returns:
      The state, and its step. Its arrays are JAX's, or NumPy's where JAX has no such type, as float64 by default.

    Raises:
      FileNotFoundError: there is none, or none of that step.
      UserError: it is of another structure, shape or type, or damaged.
    """
    folder = user_path(folder)
    _check("like", like)
    there = layout.numbered(layout.checkpoints(folder))
    if not there:
        raise FileNotFoundError(f"{folder} holds no checkpoint of a state; jaxgan.save_state writes one.")
    if step != "latest":
        step = _whole("step", step)
        if step not in there:
            raise FileNotFoundError(
                f"step is {step}, but {folder} holds steps {', '.join(map(str, there))}; give one of them, or latest."
            )
    return read_step(folder, step, like, whole=("",))


def _whole(name: str, value: Any) -> int:
    """Return a number of Python's, NumPy's or JAX's as Python's."""
    try:
        return operator.index(value)
    except TypeError:
        raise UserError(f"{name} is {value!r}; expected a whole number.") from None


def _check(what: str, tree: PyTree) -> None:
    """Raise UserError unless all leaves of a tree are arrays that a checkpoint can hold, or their shapes."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    if not leaves or not leaves[0][0]:
        given = f"{type(tree).__name__} without arrays" if not leaves else f"one {type(tree).__name__}"
        raise UserError(f"{what} is {given}; expected a tree of arrays and typed keys, such as a dict.")
    for path, leaf in leaves:
        name, dtype = f"{what}{jax.tree_util.keystr(path)}", getattr(leaf, "dtype", None)
        if dtype is None:
            raise UserError(f"{name} is {type(leaf).__name__}; expected an array, which jnp.asarray makes of numbers.")
        kinds = jnp.number, jnp.bool_, jax.dtypes.prng_key
        if not any(jnp.issubdtype(dtype, kind) for kind in kinds) or not getattr(dtype, "isnative", True):
            raise UserError(
                f"{name} is an array of {dtype}; expected numbers or booleans of this machine's byte order."
            )
        if not leaf.size:
            raise UserError(
                f"{name} has the shape {leaf.shape}, without any number, and cannot be saved; leave it out."
            )


def _check_names(state: PyTree) -> None:
    """Raise UserError where a file of an array could not be told from another one's."""
    names = []
    for path, _ in jax.tree_util.tree_leaves_with_path(state):
        parts = [jax.tree_util.keystr((key,), simple=True) for key in path]
        if any(not part or part.endswith("/") for part in parts):
            raise UserError(
                f"state{jax.tree_util.keystr(path)} has a name that is empty or ends in a slash; give it another one."
            )
        names.append(slashed("/".join(parts)))
    same = [name for name, other in itertools.pairwise(sorted(names)) if name == other]
    if same:
        raise UserError(f"two arrays of the state have the name {same[0]}; rename one of them.")
