"""Where runs continue: their folders opened, and the newest good step that all of them have saved."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxgan import data
from jaxgan.base import processes
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.rundir import layout, saved_config
from jaxgan.rundir.digests import Damaged
from jaxgan.rundir.lock import locked
from jaxgan.rundir.metrics_log import is_number
from jaxgan.runs.clock import Clock
from jaxgan.runs.health import rollback
from jaxgan.runs.record.recorder import has_curves
from jaxgan.runs.run import Run
from jaxgan.runs.setup import Plan
from jaxgan.training.state import GanState

Record = dict[str, Any]
Changes = dict[str, tuple[object, object]]  # {setting: (old, new)}


class Resumed(NamedTuple):
    """Where runs continue.

    Attributes:
      states: of each.
      records: what belongs to the states and is no array; empty in processes without the folder.
      step: the one that they have made.
      is_over: they end here.
      has_ended: and all that belongs to their end is written.
    """

    states: list[GanState]
    records: list[Record]
    step: int
    is_over: bool
    has_ended: bool


def open_runs(plan: Plan, workdir: Path, stack: contextlib.ExitStack) -> tuple[list[Run], Changes]:
    """Lock and open the folders of all runs.

    Returns:
      The runs, and what changed since they were last saved.

    Raises:
      UserError: another process writes there, or the runs cannot go on as configured.
    """
    # Orbax takes a second to import, which `import jaxgan` should not.
    from jaxgan.rundir.checkpoint import Checkpoints

    info, fingerprint = plan.shared.source.info, data.fingerprint(plan.shared.source)
    stack.enter_context(locked(workdir))
    changes = saved_config.changes(workdir, plan.config, info, fingerprint)
    keep, runs = plan.config.train.keep_checkpoints, []
    for number, setup in enumerate(plan.setups):
        folder = plan.folder(workdir, number)
        if plan.is_many:
            stack.enter_context(locked(folder))
            saved_config.changes(folder, setup.config, info, fingerprint)
            keep = max(2, keep)  # a kill between two runs' saves leaves both only the one before
        checkpoints = stack.enter_context(Checkpoints(folder, keep=keep))
        runs.append(Run(number if plan.is_many else None, setup, folder, checkpoints))
    return runs, changes


def resume(plan: Plan, runs: Sequence[Run], workdir: Path, clock: Clock) -> Resumed:
    """Return where all processes continue, which have what process 0 finds in the folders, and set the clock.

    All raise the errors of process 0.
    """
    nothing = Resumed([plan.shared.state_shapes] * len(plan.setups), [], 0, is_over=False, has_ended=False)
    found = processes.agree(lambda: _find(plan, runs, workdir, clock) if runs else nothing, lambda _: "")
    facts = processes.from_first(np.asarray([found.step, found.is_over, found.has_ended], np.int32))
    step, is_over, has_ended = facts.tolist()
    return Resumed(processes.from_first(found.states), found.records, step, bool(is_over), bool(has_ended))


def _find(plan: Plan, runs: Sequence[Run], workdir: Path, clock: Clock) -> Resumed:
    """Read where runs continue from their folders."""
    given = list(plan.shared.own_optimisers)
    # At first, or the restore would speak of the arrays of another optimiser.
    if newest := runs[0].checkpoints.record(max(common_steps(runs), default=-1)):
        _check_optimisers(newest, given, workdir)
    found = restore(runs, plan.shared.state_shapes)
    states, records, step = found or ([run.setup.first_state() for run in runs], [{} for _ in runs], 0)
    if found is not None:  # of an older step where the newest is damaged
        _check_optimisers(records[0], given, workdir)
    clock.continue_after(max(_number(record, "seconds_spent") for record in records))
    # The time that was kept for the end is no time to train on.
    timed_out = 0 < plan.config.train.max_minutes <= max(_number(record, "timed_out") for record in records)
    timed_out = found is not None and (timed_out or clock.left() <= 0)
    at_end = step >= plan.shared.schedule.last or timed_out
    is_over = found is not None and (at_end or all(run.is_over(step) for run in runs))
    for run in runs:
        run.timed_out = step if timed_out else None
    has_ended = is_over and all(run.has_ended(step) for run in runs) and has_curves(workdir)
    if has_ended:
        say(f"nothing to do: {workdir} {_ending(runs[0], step)}")
    return Resumed(states, records, step, is_over, has_ended)


def _check_optimisers(record: Record, given: list[str], workdir: Path) -> None:
    """Raise UserError where other networks than before have an optimiser from Python."""
    if (before := record.get("own_optimisers", [])) != given:
        raise UserError(
            f"{workdir} was trained with optimisers given from Python for {before or 'no network'}, but now they are "
            f"given for {given or 'none'}; give the same g_optimiser and d_optimiser to jaxgan.train."
        )


def _number(record: Record, name: str) -> float:
    value: Any = record.get(name)
    return float(value) if is_number(value) and math.isfinite(value) else 0.0


def _ending(run: Run, step: int) -> str:
    last = run.setup.schedule.last
    if step >= last:
        return f"is at step {step} of {last}"
    if run.timed_out is not None:
        return f"ended at step {step}, as config.train.max_minutes has it; a larger one goes on"
    if run.health_at(step).stalled:
        return f"stopped early at step {step}"
    return f"collapsed by step {step}; --config.watch.action=warn goes on all the same"


def common_steps(runs: Sequence[Run]) -> list[int]:
    """Return the steps that all runs have saved which have not failed, oldest first."""
    saved = [set(run.checkpoints.steps()) for run in runs if not run.failure]
    return sorted(set.intersection(*saved)) if saved else []


def restore(runs: Sequence[Run], template: GanState) -> tuple[list[GanState], list[Record], int] | None:
    """Return the states of the newest good step that all runs have saved, their records, and that step.

    Damaged checkpoints, and later ones that not all runs have, are set aside. None where no run has one.

    Raises:
      UserError: there are checkpoints, but no good one of a step that all runs have; or they do not fit the networks.
    """
    if all(run.failure for run in runs):
        for run in runs:
            run.retry()
    living = [run for run in runs if not run.failure]
    had_some = any(run.checkpoints.steps() for run in living)
    while common := common_steps(living):
        step, found = common[-1], {}
        for run in living:
            found[run.number] = _restored(run, template, step)
        if None in found.values():
            continue
        for run in living:
            # Or a state of another past would stay in the place of the one that is to come.
            if later := [one for one in run.checkpoints.steps() if one > step]:
                say(f"{run.prefix}set aside {', '.join(run.checkpoints.set_aside(later, 'later'))}")
        # A failed one keeps its place in the program, with a state that nobody reads.
        for run in [run for run in runs if run.failure]:
            found[run.number] = run.setup.new_state().replace(step=next(iter(found.values()))[0].step + 0), {}
        rows = [found[run.number] for run in runs]
        return [state for state, _ in rows], [record for _, record in rows], step
    if had_some:
        _start_anew(living)
    for run in living:
        (run.workdir / layout.ROLLBACKS_FILE).unlink(missing_ok=True)
    return None


def _restored(run: Run, template: GanState, step: int) -> tuple[GanState, Record] | None:
    """Read one state; set aside what is damaged, or of work that was given up, and return None."""
    try:
        found = rollback.restore(run.checkpoints, template, step)
    except Damaged as error:
        say(f"warning: {error}; it is set aside as {run.checkpoints.set_aside([step], 'damaged')[0]}")
        return None
    if found is None:
        run.checkpoints.set_aside([step], "rolled_back")
    return found


def _start_anew(runs: Sequence[Run]) -> None:
    """Set aside the first save of some runs, which a kill cut short before all had it; UserError for anything else."""
    if len(runs) == 1:
        raise UserError(f"none of the checkpoints in {runs[0].checkpoints.folder} is good; train anew elsewhere.")
    saved = {run: run.checkpoints.steps() for run in runs}
    if all(saved.values()):
        raise UserError("the runs have checkpoints, but none of a step that all have; train anew elsewhere.")
    for run, steps in saved.items():
        if len(steps) > 1:
            bad = next(other.number for other in runs if not saved[other])
            raise UserError(f"run {bad} has no good checkpoint, others have; restore its folder from a copy.")
        if steps:
            say(f"{run.prefix}set aside {run.checkpoints.set_aside(steps, 'later')[0]}; starts anew")
