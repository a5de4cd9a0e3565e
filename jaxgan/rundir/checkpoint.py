"""Checkpoints of a run: the one file that imports Orbax."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from jaxgan.base import files, threads
from jaxgan.base.checks import UserError
from jaxgan.base.keys import is_key, on_numbers
from jaxgan.base.terminal import say
from jaxgan.base.types import PyTree
from jaxgan.rundir.digests import Damaged, by_path, check_content, check_fit, kind_of, reason, seal, unseal
from jaxgan.rundir.evaluations import Evaluation, best_of, best_of_each
from jaxgan.rundir.quiet import ignore_late_reports
from jaxgan.rundir.steps import FOLDER, saved_steps
from jaxgan.training import parallel
from jaxgan.training.state import GanState


class Checkpoints:
    """The checkpoints of one run. A thread writes them; use it as a context manager.

    Attributes:
      best: step of the checkpoint that is kept however old it is, or None.
    """

    def __init__(self, workdir: Path, *, keep: int = 1):
        """Open (and make) a run's checkpoint folder, of which the newest `keep` stay, and the best."""
        ignore_late_reports()
        if parallel.num_processes() > 1:
            _write_whole_arrays()
        self.folder = (Path(workdir) / FOLDER).absolute()
        self.best: int | None = None
        self.kept: set[int | None] = set()  # the best by scores of each kind that the run had
        options = ocp.CheckpointManagerOptions(
            create=False,
            preservation_policy=_Preserve(keep, self),
            cleanup_tmp_directories=True,
            enable_async_checkpointing=False,
            temporary_path_class=_Durable,
            **_alone(),
        )
        _explained(lambda: self.folder.mkdir(parents=True, exist_ok=True), self.folder)
        handlers = {"state": ocp.StandardCheckpointHandler(**_alone()), "record": ocp.JsonCheckpointHandler(**_alone())}
        self._manager = _explained(
            lambda: ocp.CheckpointManager(self.folder, options=options, item_handlers=handlers), self.folder
        )
        files.sync(self.folder.parent)
        self._saving: Future | None = None  # one at a time; a failure is said when it happens
        self._saved = self.steps()

    def steps(self) -> list[int]:
        """Return the steps of all complete checkpoints, oldest first, when all is written."""
        if self._saving is not None:
            self._saving.exception()
        self._manager.reload()
        return sorted(self._manager.all_steps())

    def latest(self) -> int | None:
        """Return the step of the newest complete checkpoint."""
        return max(self.steps(), default=None)

    def note_scores(self, evaluations: list[Evaluation]) -> None:
        """Find the best step, which is kept beside the newest."""
        self.best, self.kept = best_of(evaluations), best_of_each(evaluations)

    def save(self, step: int, state: GanState, record: dict[str, Any] | None = None) -> None:
        """Copy a state to the host and start writing it; a step that is there already is left alone.

        Where the disk refuses, that is said, and `wait` raises it unless a later state was saved.

        Args:
          step: the number of steps that `state` has made.
          state: one state, without a device axis.
          record: what belongs to the state and is no array, as JSON.
        """
        if self._saving is not None:
            self._saving.exception()
        if step not in self._saved:
            host = jax.tree.map(_copy, state)
            self._saving = threads.start("checkpoint", self._write, step, host, record or {})

    def _write(self, step: int, state: GanState, record: dict[str, Any]) -> None:
        args = ocp.args.Composite(
            state=ocp.args.StandardSave(state), record=ocp.args.JsonSave(seal(step, state, record))
        )
        try:
            _explained(lambda: self._manager.save(step, args=args, force=True), self.folder)
            self._saved = [*self._saved, step]
        except OSError as error:
            say(f"warning: step {step}: {error}")
            raise

    def wait(self) -> None:
        """Return when all is written; OSError where the last state could not be."""
        if self._saving is not None:
            self._saving.result()

    def restore(self, template: GanState, step: int) -> tuple[GanState, dict[str, Any]]:
        """Read a state back, bit for bit, and its record.

        Args:
          template: a state of the same structure, of arrays or of shapes.
          step: one of the saved steps.

        Raises:
          UserError: the checkpoint is of another architecture, optimiser or dtype.
          Damaged: it is not what was written.
        """
        return read(self.folder / str(step), template)

    def restore_newest(self, template: GanState) -> tuple[GanState, dict[str, Any]] | None:
        """Read the newest good state, setting damaged ones aside; None where there is no checkpoint.

        Raises:
          UserError: there are checkpoints, but none is good, or they are of another architecture.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self.restore(template, step)
            except Damaged as error:
                say(f"warning: {error}; it is set aside as {self.set_aside([step], 'damaged')[0]}")
        if steps:
            raise UserError(f"none of the {len(steps)} checkpoints in {self.folder} is good; train anew elsewhere.")
        return None

    def set_aside(self, steps: Sequence[int], why: str) -> list[str]:
        """Rename steps' folders to names that no step has, ending in `why`; return the new names."""
        names = [_rename(self.folder / str(step), why).name for step in steps]
        self._manager.reload()
        self._saved = self.steps()
        return names

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if error is None:
                self.wait()
            elif self._saving is not None and not isinstance(error, KeyboardInterrupt):
                self._saving.exception()
        finally:
            self._manager.close()


class _Durable(ocp.path.atomicity.AtomicRenameTemporaryPath):
    """A checkpoint whose arrays are on the disk before it gets its name, and its name before older ones are deleted."""

    async def finalize(self) -> None:
        """Publish it."""
        await asyncio.to_thread(files.sync_all, Path(self.get()))
        await super().finalize()
        await asyncio.to_thread(files.sync_all, Path(self.get_final()))
        await asyncio.to_thread(files.sync, Path(self.get_final()).parent)


class _Preserve(checkpoint_managers.PreservationPolicy):
    """Keep the newest checkpoints, and the best."""

    def __init__(self, keep: int, owner: Checkpoints):
        self._newest, self._owner = checkpoint_managers.LatestN(keep), owner

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        newest = self._newest.should_preserve(checkpoints, context=context)
        return [
            new or info.step == self._owner.best or info.step in self._owner.kept
            for new, info in zip(newest, checkpoints, strict=True)
        ]


def verify(workdir: str | Path) -> list[tuple[int, str]]:
    """Check every checkpoint of a run by its digests, executing nothing.

    Returns:
      (step, '' or what is wrong) for each, oldest first.

    Raises:
      FileNotFoundError: there is none.
    """
    path = (Path(workdir) / FOLDER).absolute()
    found = []
    for step in saved_steps(Path(workdir)):
        try:
            read(path / str(step), None)
            found.append((step, ""))
        except UserError as error:
            found.append((step, str(error)))
    return found


def read(path: Path, like: PyTree | None) -> tuple[PyTree, dict[str, Any]]:
    """Read the leaves of a checkpoint that `like` has, exactly as they were written, and its record.

    None reads all leaves, and checks them whatever the environment says.
    """
    ignore_late_reports()
    record = unseal(path)
    wanted = None if like is None else _abstract(like)
    if record is not None and wanted is not None:
        check_fit(path, record["leaves"], by_path(wanted))
    try:
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler(**_alone()), **_alone()) as reader:
            where: Any = path / "state"  # Orbax asks for a class of its own, but takes any path
            saved = ocp.PyTreeCheckpointHandler().metadata(where).tree
            if wanted is None:
                wanted = jax.tree.map(lambda x: jax.ShapeDtypeStruct(tuple(x.shape), x.dtype, sharding=_place()), saved)
            if record is None:
                check_fit(path, {key: kind_of(leaf) for key, leaf in by_path(saved).items()}, by_path(wanted))
            item = _with_what_was_there(wanted, saved)
            restore_args = jax.tree.map(lambda x: ocp.ArrayRestoreArgs(sharding=x.sharding), item)
            args = ocp.args.PyTreeRestore(item=item, restore_args=restore_args, partial_restore=True)
            found = by_path(reader.restore(where, args=args))
            tree = jax.tree.unflatten(jax.tree.structure(wanted), [found[key] for key in by_path(wanted)])
    except UserError:
        raise
    except Exception as error:  # Orbax and TensorStore raise about anything on damaged files
        raise Damaged(f"{path} is damaged ({reason(error)})") from error
    check_content(path, record, tree, always=like is None)
    return tree, {} if record is None else record["record"]


def _with_what_was_there(wanted: PyTree, saved: PyTree) -> PyTree:
    """Return what is wanted, but with the saved leaves for each empty dict: Orbax takes those for an error."""

    def fill(path: tuple[Any, ...], node: Any) -> Any:
        return by_way(saved, path) if node == {} else node

    def by_way(tree: Any, path: tuple[Any, ...]) -> Any:
        for key in path:
            name = jax.tree_util.keystr((key,), simple=True)
            tree = tree.get(name, {}) if isinstance(tree, dict) else tree[int(name)]
        return _abstract(tree)

    return jax.tree_util.tree_map_with_path(fill, wanted, is_leaf=lambda node: node == {})


def _alone() -> dict[str, Any]:
    """Return what keeps Orbax from waiting for the other processes of a job: only the one that leads has the folder."""
    if parallel.num_processes() == 1:
        return {}
    only = ocp.options.MultiprocessingOptions(primary_host=None, active_processes={0}, barrier_sync_key_prefix="jaxgan")
    return {"multiprocessing_options": only}


def _write_whole_arrays() -> None:
    """Have Orbax write arrays that all processes hold from this one, which else writes a part of each."""
    kinds = ocp.type_handlers
    store = vars(kinds.get_type_handler(jax.Array))["_array_metadata_store"]  # it notes which arrays are keys
    whole = kinds.ArrayHandler(use_replica_parallel=False, array_metadata_store=store)
    kinds.register_type_handler(jax.Array, whole, override=True)


def _copy(leaf: Any) -> Any:
    """Copy an array to the host: the step that follows donates its buffer."""
    if is_key(leaf):
        key = on_numbers(jnp.array, leaf)
        # Of several processes, Orbax writes no keys that one has for itself.
        return parallel.replicate(key, jax.devices()) if parallel.num_processes() > 1 else key
    return np.array(leaf)


def _abstract(tree: PyTree) -> PyTree:
    """Return shapes with a place, so that Orbax neither guesses one nor warns."""
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=_place()), tree)


def _place() -> jax.sharding.Sharding:
    return jax.sharding.SingleDeviceSharding(jax.local_devices()[0])


def _rename(path: Path, why: str) -> Path:
    for number in range(1_000_000):
        aside = path.with_name(f"{path.name}.{why}{number or ''}")
        if not aside.exists():
            return path.rename(aside)
    raise OSError(f"{path.parent} is full of checkpoints that were set aside; remove some.")


def is_finite(state: GanState) -> jax.Array:
    """Return bool[], whether every number is finite that training carries: networks, optimisers, the average."""
    kept = (state.g.variables, state.g.opt_state, state.d.variables, state.d.opt_state, state.ema, state.tracks)
    leaves = [leaf for leaf in jax.tree.leaves(kept) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    return jnp.all(jnp.stack([jnp.all(jnp.isfinite(x)) for x in leaves]))


def _explained(write: Any, path: Path) -> Any:
    """Run something that writes, and turn every failure of the disk into one OSError sentence."""
    try:
        return write()
    except Exception as error:  # Orbax and TensorStore raise ValueError, RuntimeError and their own kinds here
        raise OSError(
            f"a checkpoint could not be written to {path} ({reason(error)}); free some space or make the folder "
            "writable and run the same command again: the previous checkpoint is kept."
        ) from error
