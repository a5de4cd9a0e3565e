"""Beginning a run with what another one has learnt."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.rundir import layout
from jaxgan.rundir.digests import by_path
from jaxgan.rundir.restore import read_all, read_newest
from jaxgan.training.state import GanState


def warm_started(state: GanState, workdir: str | Path) -> GanState:
    """Return a new run's state with all arrays of another run's networks that have the same names and shapes.

    Optimisers, steps and keys stay those of the new run.

    Args:
      state: of the new run.
      workdir: folder of the other run, whose newest good checkpoint is read.

    Raises:
      UserError, FileNotFoundError: no run, no good checkpoint, or none of its arrays fits.
    """
    step, theirs = _newest(Path(workdir))
    variables = {"g": state.g.variables, "d": state.d.variables, "ema": state.ema}
    ours = by_path(variables)
    new = [path for path, x in ours.items() if path not in theirs or theirs[path].shape != x.shape]
    if len(new) == len(ours):
        raise UserError(
            f"config.train.warm_start is {workdir}, but none of its arrays has the name and shape of one of this "
            "run's; give a run of the same GAN, or leave it empty."
        )
    more = f"; new are {', '.join(new[:5])}{' and others' if len(new) > 5 else ''}" if new else ""
    say(f"warm start: {len(ours) - len(new)} of {len(ours)} arrays are those of {workdir} at step {step}{more}")
    taken = [x if path in new else jnp.asarray(theirs[path], x.dtype) for path, x in ours.items()]
    filled: dict[str, Any] = jax.tree.unflatten(jax.tree.structure(variables), taken)
    return state.replace(
        g=state.g.replace(**filled["g"]),
        d=state.d.replace(**filled["d"]),
        ema=filled["ema"],
        tracks=tuple(jax.tree.map(jnp.copy, filled["g"]) for _ in state.tracks),
    )


def _newest(workdir: Path) -> tuple[int, dict[str, Any]]:
    """Return the step and the arrays, by their paths, of the newest good checkpoint."""
    if not layout.checkpoints(layout.folder_of(workdir, None)).is_dir():
        raise UserError(
            f"config.train.warm_start is {workdir}, which holds no checkpoints; give the folder of a run, which has "
            "both networks (no generator that comes along, and no exported file)."
        )
    return read_newest(workdir, read_all)
