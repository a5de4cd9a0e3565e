"""Checkpoints of a run: the one file that imports Orbax."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from orbax.checkpoint import checkpoint_managers

from jaxgan import gans
from jaxgan.base import background, checks
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.base.types import PyTree
from jaxgan.runs import folder
from jaxgan.runs.sealing import Damaged, by_path, check_content, check_fit, is_key, kind_of, reason, seal, unseal
from jaxgan.runs.steps import FOLDER, find_step, saved_steps
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.training import power_ema
from jaxgan.training.gan import example_inputs, generator_params
from jaxgan.training.state import GanState

WEIGHTS = ("ema", "raw")
MISFIT = 0.1  # distance of a profile from the wanted one, as a share of it, from which on it is said


class Checkpoints:
    """The checkpoints of one run. A thread writes them; use it as a context manager.

    Attributes:
      best: step of the checkpoint that is kept however old it is, or None.
    """

    def __init__(self, workdir: Path, *, keep: int = 1):
        """Open (and make) a run's checkpoint folder, of which the newest `keep` stay, and the best."""
        self.folder = (Path(workdir) / FOLDER).absolute()
        self.best: int | None = None
        options = ocp.CheckpointManagerOptions(
            preservation_policy=_Preserve(keep, self), cleanup_tmp_directories=True, enable_async_checkpointing=False
        )
        self._manager = _explained(lambda: ocp.CheckpointManager(self.folder, options=options), self.folder)
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
            self._saving = background.start("checkpoint", self._write, step, host, record or {})

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
        return _read(self.folder / str(step), template)

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


class _Preserve(checkpoint_managers.PreservationPolicy):
    """Keep the newest checkpoints, and the best."""

    def __init__(self, keep: int, owner: Checkpoints):
        self._newest, self._owner = checkpoint_managers.LatestN(keep), owner

    def should_preserve(self, checkpoints: Sequence[Any], *, context: Any) -> Sequence[bool]:
        newest = self._newest.should_preserve(checkpoints, context=context)
        return [new or info.step == self._owner.best for new, info in zip(newest, checkpoints, strict=True)]


def load(
    workdir: str | Path,
    step: int | str = "latest",
    weights: str = "ema",
    *,
    trust: bool = False,
    ema_std: float | None = None,
) -> GeneratorParams:
    """Read a run's generator, ready for `jaxgan.sample`.

    Args:
      workdir: the --workdir of a training run.
      step: 'latest', 'best' (by the run's evaluations) or the number of a saved step.
      weights: 'ema' for the averaged generator, 'raw' for the one that trained last.
      trust: consent to execute the GAN's own .py file, if the run has one.
      ema_std: instead of `weights`, the average over the run up to `step` whose width is this share of its length, made
        of those that a run with `config.train.ema_stds` keeps in its checkpoints.

    Returns:
      The generator; equal calls give equal tree structures.

    Raises:
      FileNotFoundError: no run, no checkpoint, or none of that step.
      UserError: other `weights`, a width that the run does not span, a checkpoint that is damaged or does not fit the
        run's config.json, or a GAN of its own without `trust`.
    """
    workdir = Path(workdir)
    checks.one_of("weights", weights, WEIGHTS)
    config, data = folder.trusted_config(workdir, trust=trust)
    gan = gans.build(config, data)
    init = functools.partial(gan.generator.init, train=False)
    variables = jax.eval_shape(init, jax.random.key(0), *example_inputs(gan)[0])
    variables = {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}
    if ema_std is not None:
        if weights != "ema":
            raise UserError(f"weights is {weights!r}, but ema_std asks for an average; leave one of them out.")
        return generator_params(gan, _average_of_width(workdir, step, variables, gan.ema_stds, ema_std))
    like = {"ema": variables} if weights == "ema" else {"g": variables}
    return generator_params(gan, next(iter(_read_step(workdir, step, like).values())))


def _average_of_width(
    workdir: Path, step: int | str, like: PyTree, stds: Sequence[float], ema_std: float
) -> dict[str, PyTree]:
    """Combine the averages of all checkpoints up to a step into one of another width."""
    if not stds:
        raise UserError(
            f"ema_std is {ema_std}, but the run in {workdir} keeps one average only; train with "
            "--config.train.ema_stds=0.05,0.1 to choose its width afterwards."
        )
    last, kept = find_step(workdir, step), {}
    for number in [number for number in saved_steps(workdir) if 0 < number <= last]:
        try:
            like_tracks = {"tracks": (like,) * len(stds)}
            kept[number] = _read((workdir / FOLDER).absolute() / str(number), like_tracks)[0]["tracks"]
        except Damaged as error:
            if number == last and step != "latest":
                raise
            say(f"warning: {error}; it is left out of the average")
    if not kept:
        raise UserError(f"none of the checkpoints in {workdir / FOLDER} up to step {last} is good.")
    last = max(kept)
    stored = [(number, std) for number in kept for std in stds]
    weights, misfit = power_ema.combination(stored, last, ema_std)
    if misfit > MISFIT:
        say(
            f"warning: the averages in {len(kept)} checkpoints come no closer to ema_std={ema_std} than {misfit:.0%}; "
            f"keep more by config.train.keep_checkpoints, or choose a width near {', '.join(map(str, stds))}."
        )
    of = iter(weights)
    total: Any = jax.tree.map(lambda x: np.zeros(x.shape), like)
    for track in (track for tracks in kept.values() for track in tracks):
        weight = next(of)
        total = jax.tree.map(lambda t, x, w=weight: t + w * np.asarray(x, np.float64), total, track)
    return jax.tree.map(lambda t, x: jnp.asarray(t, x.dtype), total, like)


def _read_step(workdir: Path, step: int | str, like: PyTree) -> PyTree:
    """Read some leaves of a checkpoint; for 'latest', those of the newest one that is good."""
    asked = [find_step(workdir, step)] if step != "latest" else list(reversed(saved_steps(workdir)))
    for number in asked:
        try:
            return _read((workdir / FOLDER).absolute() / str(number), like)[0]
        except Damaged as error:
            if number == asked[-1]:
                raise
            say(f"warning: {error}; the one before is used")
    raise AssertionError("there is at least one step")


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
            _read(path / str(step), None)
            found.append((step, ""))
        except UserError as error:
            found.append((step, str(error)))
    return found


def _read(path: Path, like: PyTree | None) -> tuple[PyTree, dict[str, Any]]:
    """Read the leaves of a checkpoint that `like` has (None: all), exactly as they were written, and its record."""
    record = unseal(path)
    wanted = None if like is None else _abstract(like)
    if record is not None and wanted is not None:
        check_fit(path, record["leaves"], by_path(wanted))
    try:
        with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as reader:
            where: Any = path / "state"  # Orbax asks for a class of its own, but takes any path
            saved = ocp.PyTreeCheckpointHandler().metadata(where).tree
            if wanted is None:
                wanted = jax.tree.map(lambda x: jax.ShapeDtypeStruct(tuple(x.shape), x.dtype, sharding=_place()), saved)
            if record is None:
                check_fit(path, {key: kind_of(leaf) for key, leaf in by_path(saved).items()}, by_path(wanted))
            restore_args = jax.tree.map(lambda x: ocp.ArrayRestoreArgs(sharding=x.sharding), wanted)
            args = ocp.args.PyTreeRestore(item=wanted, restore_args=restore_args, partial_restore=True)
            tree = reader.restore(where, args=args)
    except UserError:
        raise
    except Exception as error:  # Orbax and TensorStore raise about anything on damaged files
        raise Damaged(f"{path} is damaged ({reason(error)})") from error
    check_content(path, record, tree)
    return tree, {} if record is None else record["record"]


def _copy(leaf: Any) -> Any:
    """Copy an array to the host: the step that follows donates its buffer."""
    if is_key(leaf):
        return jax.random.wrap_key_data(jnp.array(jax.random.key_data(leaf)), impl=jax.random.key_impl(leaf))
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
