"""Train for many steps, and watch memory, open files and threads of the process.

python tests/reliability/growth.py --steps=50000
"""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
import time
from pathlib import Path

import numpy as np
from processes import ROOT, parse, start

from jaxgan.rundir import metrics_log

WARM_UP = 0.2  # share of the run after which nothing should grow
EVERY = 0.25  # seconds


@dataclasses.dataclass(frozen=True)
class Look:
    """What the system says of a process at one time."""

    step: int
    resident: int  # bytes
    files: int
    threads: int


def main(steps: int, folder: Path, *changes: str) -> list[Look]:
    """Train gan_mlp as it is configured, and return what was seen after the warm-up."""
    workdir, log = folder / "run", folder / "log.txt"
    looks = []
    with start(
        f"--config={ROOT / 'configs' / 'gan_mlp.py'}",
        f"--workdir={workdir}",
        f"--config.train.num_steps={steps}",
        f"--config.train.log_every={max(1, steps // 100)}",
        f"--config.train.checkpoint_every={max(1, steps // 50)}",
        f"--config.train.sample_every={max(1, steps // 20)}",
        *changes,
        log=log,
    ) as process:
        while process.poll() is None:
            rows = metrics_log.read_metrics(workdir)
            if rows and WARM_UP * steps <= rows[-1]["step"] < steps:
                with contextlib.suppress(OSError, KeyError):  # it may just have ended
                    looks.append(look(process.pid, rows[-1]["step"]))
            time.sleep(EVERY)
    if process.wait() != 0 or not looks:
        raise RuntimeError(log.read_text())
    return looks


def look(pid: int, step: int) -> Look:
    """Read /proc."""
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    resident = int(status["VmRSS"].split()[0]) * 1024
    return Look(step, resident, len(list(Path(f"/proc/{pid}/fd").iterdir())), int(status["Threads"]))


def growth(looks: list[Look]) -> float:
    """Return by how much memory grew, as a share."""
    first, last = ends(looks, "resident")
    return last / first - 1


def ends(looks: list[Look], name: str) -> tuple[float, float]:
    """Return the medians of the first and of the last fifth."""
    fifth = max(1, len(looks) // 5)
    first, last = (float(np.median([getattr(seen, name) for seen in part])) for part in (looks[:fifth], looks[-fifth:]))
    return first, last


if __name__ == "__main__":
    args = parse(__doc__, steps=50_000)
    with tempfile.TemporaryDirectory() as folder:
        looks = main(args.steps, Path(folder))
    low, high = ends(looks, "resident")
    print(
        f"{args.steps:,} steps, {len(looks)} looks after the first {WARM_UP:.0%}: memory {low / 2**20:.0f} to", end=" "
    )
    files, threads = ends(looks, "files"), ends(looks, "threads")
    print(f"{high / 2**20:.0f} MiB ({growth(looks):+.2%}), open files {files}, threads {threads}")
    raise SystemExit(
        growth(looks) > 0.02 or files[1] > files[0] or threads[1] > threads[0] + 1
    )  # one saves now and then
