"""SIGKILL runs again and again, also inside saves and deletes, and compare them with runs that nobody disturbed.

python tests/reliability/kills.py --num=100
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from processes import TINY, kill, parse, result, start

LENGTH = 120  # steps of a run, each of them saved
CHANGES = (
    "--config.train.checkpoint_every=1",
    "--config.train.log_every=3",
    "--config.train.sample_every=20",
    "--config.train.steps_per_call=1",
    "--config.model.dropout=0.3",
)
PATIENCE = 120  # seconds that a process may take to come to its moment


@dataclasses.dataclass
class Outcome:
    """What was done to how many runs, and which of them ended differently."""

    kills: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    runs: int = 0
    different: list[str] = dataclasses.field(default_factory=list)
    complaints: list[str] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        where = ", ".join(f"{count} {kind}" for kind, count in sorted(self.kills.items()))
        equal = self.runs - len(self.different)
        return f"{self.kills.total()} kills ({where}): {equal} of {self.runs} runs equal to the bit"


def main(num: int, seed: int, folder: Path, *moments, length: int = LENGTH) -> Outcome:
    """Kill at the moments in turn until `num` kills are made and the last run is through."""
    rng, outcome = random.Random(seed), Outcome()
    while outcome.kills.total() < num:
        workdir, undisturbed = folder / f"killed{outcome.runs}", folder / f"undisturbed{outcome.runs}"
        train = functools.partial(train_tiny, folder, outcome.runs, length)
        began = time.monotonic()
        if train(undisturbed).wait() != 0:
            raise RuntimeError(f"a run that nobody disturbed failed; see {folder / 'log.txt'}")
        seconds = time.monotonic() - began
        while outcome.kills.total() < num:
            process = train(workdir)
            moment = moments[outcome.kills.total() % len(moments)]
            moment(process, workdir / "checkpoints", rng, seconds)
            if process.poll() is None:
                kill(process)
            if process.returncode != -signal.SIGKILL:  # it came to its end before
                break
            outcome.kills[debris(workdir / "checkpoints")] += 1
        if process.returncode not in (0, -signal.SIGKILL) or train(workdir).wait() != 0:
            outcome.complaints.append(f"run {outcome.runs} failed")
        if "Traceback" in (folder / "log.txt").read_text():
            outcome.complaints.append(f"run {outcome.runs} or one before said more than a sentence")
        if result(workdir) != result(undisturbed):
            outcome.different.append(str(workdir))
        outcome.runs += 1
    return outcome


def train_tiny(folder: Path, seed: int, length: int, workdir: Path) -> subprocess.Popen:
    """Start a run of the tests' small GAN, or let it go on."""
    args = f"--config={TINY}", f"--workdir={workdir}", f"--config.seed={seed}", *CHANGES
    args = *args, f"--config.train.num_steps={length}"
    return start(*args, log=folder / "log.txt", cache=folder / "cache")


def at_any_time(process: subprocess.Popen, checkpoints: Path, rng: random.Random, seconds: float) -> None:
    """Wait for a random part of a run's time, start and end included."""
    del checkpoints
    end = time.monotonic() + rng.uniform(0, 1.1 * seconds)
    while time.monotonic() < end and process.poll() is None:
        time.sleep(0.002)


def in_a_save(process: subprocess.Popen, checkpoints: Path, rng: random.Random, seconds: float) -> None:
    """Wait for a save that is under way, some steps on."""
    del seconds
    wanted = newest(checkpoints) + rng.randint(1, 25)
    until(process, lambda: newest(checkpoints) >= wanted)
    until(process, lambda: any("tmp" in name for name in names(checkpoints)))
    time.sleep(rng.uniform(0, 0.02))


def in_a_delete(process: subprocess.Popen, checkpoints: Path, rng: random.Random, seconds: float) -> None:
    """Wait for a delete that is under way, some steps on."""
    del seconds
    wanted = newest(checkpoints) + rng.randint(1, 25)
    until(process, lambda: newest(checkpoints) >= wanted)
    until(process, lambda: any(is_deleted(name) for name in names(checkpoints)))


def until(process: subprocess.Popen, is_so) -> None:
    """Look again and again, as often as this machine can, until something is so or the process has ended."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and not is_so():
        if time.monotonic() > end:
            kill(process)
            raise RuntimeError(f"a run came to no save in {PATIENCE} seconds")


def debris(checkpoints: Path) -> str:
    """Say what a kill left: a save half made, a delete half made, or neither."""
    found = names(checkpoints)
    if any("tmp" in name for name in found):
        return "in a save"
    if any(map(is_deleted, found)):
        return "in a delete"
    return "elsewhere"


def is_deleted(name: str) -> bool:
    """Return whether a folder was a checkpoint and is being deleted."""
    return name.endswith(".deleted")


def newest(checkpoints: Path) -> int:
    return max((int(name) for name in names(checkpoints) if name.isdigit()), default=0)


def names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    args = parse(__doc__, num=100, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        outcome = main(args.num, args.seed, Path(folder), at_any_time, in_a_save, in_a_delete)
    print(outcome)
    print(*outcome.complaints, *outcome.different, sep="\n")
    raise SystemExit(bool(outcome.complaints or outcome.different))
