"""Which steps a run's folder holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from jaxgan.rundir import layout
from jaxgan.rundir.evaluations import best_of, read_evaluations


def find_step(workdir: Path, step: int | str) -> int:
    """Return the number of a saved step, of 'latest' or of 'best'; FileNotFoundError where there is none."""
    steps = saved_steps(workdir)
    if step == "latest":
        return steps[-1]
    if step == "best":
        best = best_of(read_evaluations(workdir), steps)
        if best is None:
            raise FileNotFoundError(f"{workdir} has no evaluation of a best step; run --mode=evaluate --step=all.")
        step = best
    if not (str(step).isdecimal() and str(step).isascii()) or int(step) not in steps:
        listed = ", ".join(map(str, steps))
        raise FileNotFoundError(f"step is {step!r}, but {workdir} holds steps {listed}; give one, latest or best.")
    return int(step)


def saved_steps(workdir: str | Path) -> list[int]:
    """Return the steps of a run's checkpoints, oldest first; FileNotFoundError where there is none."""
    steps = layout.numbered(layout.checkpoints(workdir))
    if not steps:
        raise FileNotFoundError(f"{workdir} holds no checkpoint yet; train first, or wait for train.checkpoint_every.")
    return steps


def newest_first(workdir: str | Path) -> Iterator[int]:
    """Yield the steps of a run's checkpoints, newest first; FileNotFoundError where there is none.

    They are looked up each time: a run that goes on deletes one when it has a newer one.
    """
    left, tried = saved_steps(workdir), set()
    while left:
        tried.add(left[-1])
        yield left[-1]
        left = [step for step in layout.numbered(layout.checkpoints(workdir)) if step not in tried]
