"""Checkpoints of a run: the one file that imports Orbax."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from jaxgan import gans
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import PyTree
from jaxgan.runs import folder
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.training.gan import example_inputs, generator_params
from jaxgan.training.state import GanState

FOLDER = "checkpoints"
WEIGHTS = ("ema", "raw")


class Checkpoints:
    """The checkpoints of one run. Saving goes on in the background; use it as a context manager."""

    def __init__(self, run: Path, *, keep: int = 1):
        """Open (and make) a run's checkpoint folder, of which the newest `keep` stay."""
        self.folder = (Path(run) / FOLDER).absolute()
        options = ocp.CheckpointManagerOptions(
            preservation_policy=checkpoint_managers.LatestN(keep), cleanup_tmp_directories=True
        )
        self._manager = _explained(lambda: ocp.CheckpointManager(self.folder, options=options), self.folder)

    def latest(self) -> int | None:
        """Return the step of the newest complete checkpoint."""
        return self._manager.latest_step()

    def save(self, step: int, state: GanState) -> None:
        """Copy a state to the host and start writing it; a step that is there already is left alone.

        Raises:
          OSError: this or the previous checkpoint could not be written; complete ones stay usable.
        """
        if step == self.latest():
            return
        args = ocp.args.Composite(state=ocp.args.StandardSave(state))
        _explained(lambda: self._manager.save(step, args=args), self.folder)

    def wait(self) -> None:
        """Return when all is written; OSError where that failed."""
        _explained(self._manager.wait_until_finished, self.folder)

    def restore(self, template: GanState, step: int) -> GanState:
        """Read a state back, bit for bit.

        Args:
          template: a state of the same structure, of arrays or of shapes.
          step: one of the saved steps.

        Raises:
          ValueError: the checkpoint is of another architecture, optimiser or dtype.
        """
        return _read(self.folder / str(step), template)

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind, error, trace) -> None:
        if error is None:
            self.wait()
        try:
            self._manager.close()
        except Exception:
            # While another error is on its way out, that one is the cause to show.
            if error is None:
                raise


def load(run: str | Path, step: int | str = "latest", weights: str = "ema") -> GeneratorParams:
    """Read a run's generator, ready for `jaxgan.sample`.

    Args:
      run: the --workdir of a training run.
      step: 'latest' or the number of a saved step.
      weights: 'ema' for the averaged generator, 'raw' for the one that trained last.

    Raises:
      FileNotFoundError: no run, no checkpoint, or none of that step.
      ValueError: other `weights`, or a checkpoint that does not fit the run's config.json.
    """
    run = Path(run)
    checks.one_of("weights", weights, WEIGHTS)
    config, data = folder.load_config(run)
    gan = gans.build(config, data)
    init = functools.partial(gan.generator.init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), *example_inputs(gan)[0])
    variables = {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}
    return generator_params(gan, _read_variables(run, step, variables, weights))


def _read_variables(run: Path, step: int | str, like: PyTree, weights: str) -> PyTree:
    """Read only the generator's leaves of a checkpoint."""
    part = {"ema": like} if weights == "ema" else {"g": like}
    return next(iter(_read((run / FOLDER).absolute() / str(_find_step(run, step)), part).values()))


def _read(folder: Path, like: PyTree) -> PyTree:
    """Read the leaves of a checkpoint that `like` has, exactly as they are in it."""
    wanted = _abstract(like)
    with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
        where: Any = folder / "state"  # Orbax asks for a class of its own, but takes any path
        saved = ocp.PyTreeCheckpointHandler().metadata(where).tree
        _check_fit(folder, _by_path(saved), _by_path(wanted))
        restore_args = jax.tree.map(lambda x: ocp.ArrayRestoreArgs(sharding=x.sharding), wanted)
        args = ocp.args.PyTreeRestore(item=wanted, restore_args=restore_args, partial_restore=True)
        return reader.restore(where, args=args)


def _by_path(tree: PyTree) -> dict[str, Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def _check_fit(folder: Path, saved: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Raise ValueError for the first leaf that is missing or different; Orbax would cast or complain at length."""
    for path, leaf in wanted.items():
        is_key = jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        there = saved.get(path)
        have = None if there is None else (tuple(there.shape), str(there.dtype))
        if have is None or (have != (leaf.shape, str(leaf.dtype)) and not is_key):
            raise UserError(
                f"{folder} does not fit the configured networks and optimisers: {path} is {have or 'missing'} there, "
                f"but {(leaf.shape, str(leaf.dtype))} is expected; choose another --workdir, or the configuration that "
                "the run was made with."
            )


def _find_step(run: Path, step: int | str) -> int:
    folder = run / FOLDER
    steps = sorted(ocp.utils.checkpoint_steps(folder)) if folder.is_dir() else []
    if not steps:
        raise FileNotFoundError(
            f"{run} holds no checkpoint yet; train first, or wait for config.train.checkpoint_every."
        )
    if step == "latest":
        return steps[-1]
    if not str(step).isdigit() or int(step) not in steps:
        listed = ", ".join(map(str, steps))
        raise FileNotFoundError(f"step is {step!r}, but {run} holds steps {listed}; give one of them, or latest.")
    return int(step)


def _abstract(tree: PyTree) -> PyTree:
    """Return shapes with a place, so that Orbax neither guesses one nor warns."""
    place = jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=place), tree)


def is_finite(state: GanState) -> jax.Array:
    """Return bool[], whether every number that the networks and the average hold is finite."""
    leaves = jax.tree.leaves((state.g.variables, state.d.variables, state.ema))
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in leaves]))


def _reason(error: Exception) -> str:
    """Return the system's own words where TensorStore quotes them, else the first line."""
    text = str(error).strip() or type(error).__name__
    quoted = re.search(r": ([^:\[]+) \[os_error_code", text)
    return quoted[1] if quoted else text.splitlines()[0][:200]


def _explained(write: Callable, folder: Path):
    """Run something that writes, and turn every failure of the disk into one OSError sentence."""
    try:
        return write()
    except Exception as error:  # Orbax and TensorStore raise ValueError, RuntimeError and their own kinds here
        raise OSError(
            f"a checkpoint could not be written to {folder} ({_reason(error)}); free some space or make the folder "
            "writable and run the same command again: the previous checkpoint is kept."
        ) from error
