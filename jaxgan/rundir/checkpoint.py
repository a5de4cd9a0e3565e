"""Checkpoints of a run: the one file that imports Orbax, of which it uses public names only."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxgan.base import files, processes, threads
from jaxgan.base.checks import UserError
from jaxgan.base.keys import as_numpy
from jaxgan.base.terminal import say
from jaxgan.rundir import layout
from jaxgan.rundir.digests import Damaged, by_path, reason, seal, unseal
from jaxgan.rundir.evaluations import Evaluation, best_of, best_of_each
from jaxgan.rundir.restore import list_arrays, read, slashed
from jaxgan.training.state import GanState

T = TypeVar("T")

_interrupted: dict[Path, Future] = {}  # what is still being written of runs that Ctrl-C ended, as in a notebook


class Checkpoints:
    """The checkpoints of one run. A thread writes them; use it as a context manager.

    Attributes:
      best: step of the checkpoint that is kept however old it is, or None.
    """

    def __init__(self, workdir: Path, *, keep: int = 1):
        """Open (and make) a run's checkpoint folder, of which the newest `keep` stay, and the best."""
        self.folder = layout.checkpoints(workdir).absolute()
        self.best: int | None = None
        self.kept: set[int | None] = set()  # the best by scores of each kind that the run had
        self._keep = keep
        self._saving: Future | None = None  # one at a time; a failure is reported when it happens
        self._writer = _make_writer()
        _explained(self._open, self.folder)

    def _open(self) -> None:
        if self.folder in _interrupted:
            _interrupted.pop(self.folder).exception()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._place = _place(self.folder)
        self._tidy()
        files.sync(self.folder.parent)

    def _tidy(self) -> None:
        """Delete what a process that was killed, or a disk that refused, left half written or half deleted."""
        for child in self.folder.iterdir():
            if layout.UNFINISHED.fullmatch(child.name):
                shutil.rmtree(child) if child.is_dir() and not child.is_symlink() else child.unlink()

    def steps(self) -> list[int]:
        """Return the steps of all complete checkpoints, oldest first, when all is written."""
        if self._saving is not None:
            self._saving.exception()
        return layout.numbered(self.folder)

    def note_scores(self, evaluations: list[Evaluation]) -> None:
        """Find the best step, which is kept beside the newest."""
        self.best, self.kept = best_of(evaluations), best_of_each(evaluations)

    def save(self, step: int, state: GanState, record: dict[str, Any] | None = None) -> None:
        """Copy a state to the host and start writing it; a step that is there already is left alone.

        Where the disk refuses, that is reported, and `wait` raises it unless a later state was saved.

        Args:
          step: the number of steps that `state` has made.
          state: one state, without a device axis.
          record: what belongs to the state and is no array, as JSON.

        Raises:
          UserError: the folder is not there any more, or another one.
        """
        if _place(self.folder) != self._place:
            raise UserError(
                f"{self.folder.parent} was moved or removed while it was written to; put it back, remove what was "
                "written in its place, and run the same command again to go on from its last checkpoint."
            )
        if step not in self.steps():
            # The step that follows donates the buffers of the state.
            host = jax.tree.map(lambda leaf: np.array(as_numpy(leaf)), state)
            self._saving = threads.start("checkpoint", self._save, step, host, record or {})

    def _save(self, step: int, state: GanState, record: dict[str, Any]) -> None:
        try:
            _explained(lambda: self._write(step, state, record), self.folder)
        except OSError as error:
            say(f"warning: step {step}: {error}")
            raise

    def _write(self, step: int, state: GanState, record: dict[str, Any]) -> None:
        """Write a checkpoint, which gets its name when it is on the disk, and then delete older ones."""
        self._tidy()
        half = self.folder / f"{step}.tmp"
        # A job's processes would write a share each of jax.Arrays, but one of them writes all of numpy's.
        sealed = ocp.args.JsonSave(seal(step, state, record))
        items = ocp.args.Composite(state=ocp.args.StandardSave(state), record=sealed)
        with files.plain(self.folder) as folder:
            self._writer.save(folder / half.name, args=items)
            missing = set(map(slashed, by_path(state))).difference(list_arrays(folder / half.name / layout.STATE))
        if missing:
            raise OSError(f"{min(missing)} is missing in what was written")
        files.sync_all(half)
        place = self.folder / str(step)
        if os.path.lexists(place):  # it is no folder, or `save` would have seen a step
            _rename(place, "aside")
        half.rename(place)
        files.sync(self.folder)
        for old in layout.numbered(self.folder)[: -self._keep]:
            if old != self.best and old not in self.kept:
                shutil.rmtree((self.folder / str(old)).rename(self.folder / f"{old}.deleted"))

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
        return read(self.folder / str(step), template, whole=("g/opt_state/", "d/opt_state/"))

    def record(self, step: int) -> dict[str, Any]:
        """Return the record of a saved step; {} where it is damaged, or has none."""
        try:
            return (unseal(self.folder / str(step)) or {}).get("record", {})
        except Damaged:
            return {}

    def set_aside(self, steps: Sequence[int], why: str) -> list[str]:
        """Rename steps' folders to names that no step has, ending in `why`; return the new names."""
        return [_rename(self.folder / str(step), why).name for step in steps]

    def __enter__(self) -> Checkpoints:
        return self

    def __exit__(self, kind, error, trace) -> None:
        try:
            if error is None:
                self.wait()
            elif self._saving is not None and isinstance(error, KeyboardInterrupt):
                _interrupted[self.folder] = self._saving
            elif self._saving is not None:
                self._saving.exception()
        finally:
            self._writer.close()


def _make_writer() -> ocp.Checkpointer:
    """Return a writer that does not wait for the other processes of a job: only the one that leads has the folder."""
    options: dict[str, Any] = {}
    if processes.num_processes() > 1:
        options["multiprocessing_options"] = ocp.options.MultiprocessingOptions(
            primary_host=None, active_processes={0}, barrier_sync_key_prefix="jaxgan"
        )
    handler = ocp.CompositeCheckpointHandler(
        # By default saves in other threads would take this one's folders for made: Orbax counts those of all together.
        composite_options=ocp.CompositeOptions(
            async_options=ocp.AsyncOptions(create_directories_asynchronously=False), **options
        ),
        state=ocp.StandardCheckpointHandler(**options),
        record=ocp.JsonCheckpointHandler(**options),
    )
    return ocp.Checkpointer(handler, **options)


def _place(folder: Path) -> tuple[int, int] | None:
    """Return what identifies a folder, whatever its name; None where there is none."""
    try:
        status = os.stat(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def _rename(path: Path, why: str) -> Path:
    for number in range(1_000_000):
        aside = path.with_name(f"{path.name}.{why}{number or ''}")
        if not os.path.lexists(aside):
            return path.rename(aside)
    raise OSError(f"{path.parent} is full of checkpoints that were set aside; remove some.")


def _explained(write: Callable[[], T], path: Path) -> T:
    """Run something that writes, and turn every failure of the disk into one OSError sentence."""
    try:
        return write()
    except Exception as error:  # Orbax and TensorStore raise ValueError, RuntimeError and their own kinds here
        raise OSError(
            f"a checkpoint could not be written to {path} ({reason(error)}); free some space or make the folder "
            "writable and run the same command again: the previous checkpoint is kept."
        ) from error
