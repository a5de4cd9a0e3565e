"""Going back to an earlier state after training has collapsed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import jax

from jaxgan.base.terminal import say
from jaxgan.rundir.layout import ROLLBACKS_FILE
from jaxgan.rundir.records import read_records, write_records
from jaxgan.runs.health.watch import Finding
from jaxgan.training.state import GanState


class RolledBack(Exception):
    """Training continues from an earlier state."""


@dataclasses.dataclass(frozen=True)
class Collapse:
    """What was found at a step, and the earlier step to go back to."""

    step: int
    target: int
    finding: Finding


def choose_target(
    steps: Collection[int], best: int | None, finding: Finding, regular: Callable[[int], bool]
) -> int | None:
    """Return the best step from before the finding, or the newest from before training went wrong; None without one.

    Steps that are not `regular`, which only a request to stop saved, are not in an unbroken run: they come last.
    """
    if best is not None and best in steps and best < finding.step:
        return best
    before = [step for step in steps if step <= finding.began]
    return max(filter(regular, before), default=max(before, default=None))


def roll_back(checkpoints, collapse: Collapse, say: Callable[[str], object] = say) -> None:
    """Record that a run continues from its target, and rename all later states.

    The target itself stays as it is: `restore` gives its state a fresh key. So nothing is lost wherever this ends.
    """
    workdir, target = checkpoints.folder.parent, collapse.target
    past = [*read_rollbacks(workdir), {"from": collapse.step, "to": target, "kind": collapse.finding.kind}]
    write_records(workdir / ROLLBACKS_FILE, past, _is_rollback)
    checkpoints.set_aside([step for step in checkpoints.steps() if step > target], "rolled_back")
    say(f"rolled back from step {collapse.step} to step {target}, with a fresh key (time {len(past)})")


def restore(checkpoints, template: GanState, step: int) -> tuple[GanState, dict[str, Any]] | None:
    """Read a saved state and its record, as they are after all rollbacks; None where a rollback discarded it.

    The key follows from the number of rollbacks, so a resumed run continues as an unbroken one.

    Raises:
      UserError: see `Checkpoints.restore`.
    """
    state, record = checkpoints.restore(template, step)
    past, known = read_rollbacks(checkpoints.folder.parent), record.get("rollbacks") or []
    if len(known) >= len(past):
        return state, record
    if step > past[-1]["to"]:
        return None
    for number in range(len(known), len(past)):
        # Steps fold small numbers into the key: these never meet one.
        state = state.replace(key=jax.random.fold_in(state.key, 2**32 - 1 - number))
    return state, {**record, "rollbacks": past}


def read_rollbacks(workdir: Path) -> list[dict[str, Any]]:
    """Return the rollbacks of a run, {'from': step, 'to': step, 'kind': why}, oldest first."""
    return read_records(workdir / ROLLBACKS_FILE, "rollbacks", _is_rollback)


def _is_rollback(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("to"), int)
