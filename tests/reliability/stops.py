"""Ask runs to stop at all moments, also while XLA compiles, and take the time until they have saved and ended.

python tests/reliability/stops.py --num=20
"""

from __future__ import annotations

import random
import re
import signal
import tempfile
import time
from pathlib import Path

from processes import ROOT, parse, start

from jaxgan.rundir import steps

SIGNALS = (signal.SIGTERM, signal.SIGINT)
STARTED = "all settings are in"  # from this line on the run answers by saving
LIMIT = 120


def main(num: int, seed: int, folder: Path, config: str, changes: tuple[str, ...] = ()) -> list[tuple[float, float]]:
    """Return (seconds from start to signal, seconds from signal to end) of each stop; raise where one went wrong."""
    rng, times = random.Random(seed), []
    for i in range(num):
        workdir, log = folder / f"run{i}", folder / f"log{i}.txt"
        # No compiled programs from before: each run compiles.
        changed = f"--config={config}", f"--workdir={workdir}", "--config.train.log_every=1", *changes
        with start(*changed, log=log) as process:
            began = time.monotonic()
            while STARTED not in log.read_text():
                if process.poll() is not None or time.monotonic() > began + LIMIT:
                    raise RuntimeError(f"the run did not start: {log.read_text()}")
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 20) if num > 1 else 0.5)
            asked = time.monotonic()
            process.send_signal(SIGNALS[i % 2])
            process.wait(timeout=LIMIT)
        times.append((asked - began, time.monotonic() - asked))
        check(process.returncode, log.read_text(), workdir)
    return times


def check(status: int, said: str, workdir: Path) -> None:
    """Raise unless a run ended quietly, with a checkpoint of all steps that it logged."""
    logged = [int(step) for step in re.findall(r"^step (\d+)/", said, re.MULTILINE)]
    saved = steps.saved_steps(workdir)
    if status != 0 or "Traceback" in said or not saved or max(saved) < max(logged, default=0):
        raise AssertionError(f"status {status}, logged {logged[-1:]}, saved {saved}: {said}")


if __name__ == "__main__":
    args = parse(__doc__, num=20, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        times = main(args.num, args.seed, Path(folder), str(ROOT / "configs" / "dcgan.py"))
    waits = sorted(wait for _, wait in times)
    print(f"{len(times)} stops of dcgan, {min(times)[0]:.0f} to {max(times)[0]:.0f} s after the start:", end=" ")
    print(f"saved and ended after {waits[len(waits) // 2]:.1f} s (median), at most {waits[-1]:.1f} s")
