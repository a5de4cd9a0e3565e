"""Beginning a run with the weights of another run, or of a bundled generator."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.generators.arrays import arrays_of
from jaxgan.generators.pretrained import is_one_file, load_one_file, names
from jaxgan.rundir import layout
from jaxgan.rundir.digests import by_path
from jaxgan.rundir.restore import read_all, read_newest
from jaxgan.training.state import GanState


def warm_started(state: GanState, workdir: str | Path) -> GanState:
    """Return a new run's state with all arrays of other networks that have the same names and shapes.

    Optimisers, steps and keys stay those of the new run. Of a generator alone, both G and its average are taken, and D
    is new.

    Args:
      state: of the new run.
      workdir: folder of another run, whose newest good checkpoint is read; or a generator that is one file, such as the
        bundled 'faces'.

    Raises:
      UserError, FileNotFoundError: no run, no good checkpoint, or none of its arrays fits.
    """
    whose, arrays = _generator(workdir) if is_one_file(workdir) else _newest(Path(workdir))
    theirs = {_of_own(path): x for path, x in arrays.items()}
    variables = {"g": state.g.variables, "d": state.d.variables, "ema": state.ema}
    ours = by_path(variables)
    found = {path: theirs.get(_of_own(path)) for path in ours}
    new = [path for path, x in ours.items() if getattr(found[path], "shape", None) != x.shape]
    if len(new) == len(ours):
        raise UserError(
            f"config.train.warm_start is {workdir}, but none of its arrays has the name and shape of one of this "
            "run's; give one of the same GAN, or leave it empty."
        )
    kept = {path.partition("/")[0] for path in ours.keys() - {*new}}  # networks of which something is taken
    listed = [f"all of {net}" for net in variables if net not in kept]
    listed += [path for path in new if path.partition("/")[0] in kept]
    more = f"; new are {', '.join(listed[:5])}{' and others' if len(listed) > 5 else ''}" if new else ""
    say(f"warm start: {len(ours) - len(new)} of {len(ours)} arrays are those of {whose}{more}")
    taken = [x if path in new else jnp.asarray(found[path], x.dtype) for path, x in ours.items()]
    filled: dict[str, Any] = jax.tree.unflatten(jax.tree.structure(variables), taken)
    return state.replace(
        g=state.g.replace(**filled["g"]),
        d=state.d.replace(**filled["d"]),
        ema=filled["ema"],
        tracks=tuple(jax.tree.map(jnp.copy, filled["g"]) for _ in state.tracks),
    )


def _of_own(path: str) -> str:
    """Return the path of an array of D as it is without a second discriminator beside it."""
    return re.sub(r"^d/(\w+)/own/", r"d/\1/", path)


def _generator(name: str | Path) -> tuple[str, dict[str, Any]]:
    """Return what is read, and the arrays of a generator by their paths, for G and for its average."""
    arrays = arrays_of(load_one_file(name)[0])
    return f"the generator {name}", {f"{net}/{path}": x for net in ("g", "ema") for path, x in arrays.items()}


def _newest(workdir: Path) -> tuple[str, dict[str, Any]]:
    """Return what is read, and the arrays of the newest good checkpoint by their paths."""
    if not layout.checkpoints(layout.folder_of(workdir, None)).is_dir():
        raise UserError(
            f"config.train.warm_start is {workdir}, which holds no checkpoints; give the folder of a run, a "
            f".safetensors file that was exported of one, or {', '.join(names())}, which are bundled."
        )
    step, arrays = read_newest(workdir, read_all)
    return f"{workdir} at step {step}", arrays
