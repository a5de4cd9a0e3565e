"""Going back to an earlier state after training has collapsed."""

from __future__ import annotations

import jax

from jaxgan.base.terminal import say
from jaxgan.runs.setup import Setup
from jaxgan.runs.watch import Finding


class Collapsed(Exception):
    """Training is to go on from an earlier state."""

    def __init__(self, step: int, finding: Finding):
        super().__init__(finding.sentence)
        self.step, self.finding = step, finding


def roll_back(setup: Setup, checkpoints, collapsed: Collapsed) -> None:
    """Put the best state, or the newest where none was scored, in place of all later ones, with a fresh key.

    What is put aside is renamed, not deleted. The number of times is part of the state's record, and the key follows
    from it, so a resumed run goes on as an unbroken one.

    Args:
      setup: of the run.
      checkpoints: of the run, at least one.
      collapsed: why.
    """
    target = checkpoints.best if checkpoints.best in checkpoints.steps() else checkpoints.latest()
    state, record = checkpoints.restore(setup.state_shapes, target)
    past = [*record.get("rollbacks", []), {"from": collapsed.step, "to": target, "kind": collapsed.finding.kind}]
    # Steps fold small numbers into the key: these never meet one.
    state = state.replace(key=jax.random.fold_in(state.key, 2**32 - len(past)))
    checkpoints.set_aside([step for step in checkpoints.steps() if step >= target], "rolled_back")
    checkpoints.save(target, state, {**record, "rollbacks": past})
    checkpoints.wait()
    say(f"rolled back from step {collapsed.step} to step {target}, with a fresh key (time {len(past)})")
