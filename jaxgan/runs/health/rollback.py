"""Going back to an earlier state after training has collapsed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from jaxgan.base import files
from jaxgan.base.terminal import say
from jaxgan.rundir.layout import ROLLBACKS_FILE
from jaxgan.rundir.records import read_records
from jaxgan.runs.health.watch import Finding
from jaxgan.training.state import GanState


class Collapsed(Exception):
    """Training is to go on from an earlier state, that of step `target`."""

    def __init__(self, step: int, target: int, finding: Finding):
        super().__init__(finding.sentence)
        self.step, self.target, self.finding = step, target, finding


def choose_target(checkpoints, finding: Finding, regular: Callable[[int], bool]) -> int | None:
    """Return the best step from before the finding, or the newest from before training went wrong; None without one.

    Steps that are not `regular`, which only a request to stop saved, are not in an unbroken run: they come last.
    """
    steps = checkpoints.steps()
    if checkpoints.best in steps and checkpoints.best < finding.step:
        return checkpoints.best
    before = [step for step in steps if step <= finding.began]
    return max(filter(regular, before), default=max(before, default=None))


def roll_back(checkpoints, collapsed: Collapsed) -> None:
    """Write down that a run goes on from its target, and put all later states aside, renamed.

    The target itself stays as it is: `restore` gives its state a fresh key. So nothing is lost wherever this ends.
    """
    workdir, target = checkpoints.folder.parent, collapsed.target
    past = [*read_rollbacks(workdir), {"from": collapsed.step, "to": target, "kind": collapsed.finding.kind}]
    files.write(workdir / ROLLBACKS_FILE, json.dumps(past) + "\n")
    checkpoints.set_aside([step for step in checkpoints.steps() if step > target], "rolled_back")
    say(f"rolled back from step {collapsed.step} to step {target}, with a fresh key (time {len(past)})")


def restore(checkpoints, template: GanState) -> tuple[GanState, dict[str, Any]] | None:
    """Read the newest good state and its record, as they are after all rollbacks; None for a run that has none.

    The key follows from the number of rollbacks, so a resumed run goes on as an unbroken one.

    Raises:
      UserError: see `Checkpoints.restore_newest`.
    """
    workdir = checkpoints.folder.parent
    while (restored := checkpoints.restore_newest(template)) is not None:
        state, record = restored
        past, known = read_rollbacks(workdir), record.get("rollbacks") or []
        if len(known) >= len(past):
            return restored
        step = int(state.step)
        if step <= past[-1]["to"]:
            for number in range(len(known), len(past)):
                # Steps fold small numbers into the key: these never meet one.
                state = state.replace(key=jax.random.fold_in(state.key, 2**32 - 1 - number))
            return state, {**record, "rollbacks": past}
        checkpoints.set_aside([step], "rolled_back")  # of the work that was given up, where that was cut short
    (workdir / ROLLBACKS_FILE).unlink(missing_ok=True)
    return None


def read_rollbacks(workdir: Path) -> list[dict[str, Any]]:
    """Return the rollbacks of a run, {'from': step, 'to': step, 'kind': why}, oldest first."""
    return read_records(workdir / ROLLBACKS_FILE, "rollbacks", _is_rollback)


def _is_rollback(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("to"), int)
