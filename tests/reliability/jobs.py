"""Kill, stop or interrupt one of two processes of a run, see how the other ends, and compare what both give afterwards.

python tests/reliability/jobs.py
"""

from __future__ import annotations

import dataclasses
import signal
import tempfile
import time
from pathlib import Path

from processes import TINY, Run, free_port, kill, parse, result, saved, start

from jaxgan.rundir import metrics_log

LEADER, FOLLOWER = 0, 1
CASES = [(who, how) for how in (signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM) for who in (LEADER, FOLLOWER)]
SENTENCE = "of this job ended or does not answer; start all of them again to go on from the last checkpoint."
LIMIT = 90  # seconds that the other process may take to end
CHANGES = (
    "--config.model.dropout=0.3",
    "--config.train.log_every=1",
    "--config.train.checkpoint_every=10",
    "--config.train.sample_every=0",
)


@dataclasses.dataclass(frozen=True)
class Ending:
    """How the process that was left alone ended, and what came of the run."""

    status: int
    seconds: float
    sentence: bool  # the one that says who is missing
    equal: bool  # started again, to a run that nobody disturbed

    def good(self, how: int) -> bool:
        """Return whether it ended as README promises."""
        asked = how == signal.SIGTERM
        return self.equal and self.seconds < 60 and self.sentence != asked and self.status == (0 if asked else 1)


def main(who: int, how: int, folder: Path) -> Ending:
    """Train in two processes, disturb one after a checkpoint, wait for the other, and let both go on."""
    workdir = folder / "run"
    both = begin(workdir, folder, 1_000_000)
    try:
        while not metrics_log.read_metrics(workdir) or not saved(workdir):
            time.sleep(0.05)
        both[who].send_signal(how)
        began, other = time.monotonic(), both[1 - who]
        status = other.wait(timeout=LIMIT)
        seconds = time.monotonic() - began
    finally:
        for process in both:
            if process.poll() is None:
                kill(process)
    said = (folder / f"log{1 - who}.txt").read_text()
    length = max(saved(workdir)) + 7
    for run in workdir, folder / "undisturbed":
        for process in begin(run, folder, length):
            if process.wait(timeout=LIMIT) != 0:
                raise RuntimeError((folder / "log0.txt").read_text())
    return Ending(
        status, seconds, SENTENCE in said, result(workdir)["arrays"] == result(folder / "undisturbed")["arrays"]
    )


def begin(workdir: Path, folder: Path, length: int) -> list[Run]:
    """Start two processes of one device each."""
    job = f"--config={TINY}", f"--workdir={workdir}", f"--coordinator=localhost:{free_port()}", "--num_processes=2"
    return [
        start(
            *job,
            f"--process_id={number}",
            f"--config.train.num_steps={length}",
            *CHANGES,
            log=folder / f"log{number}.txt",
            cache=folder / f"cache{number}",
            XLA_FLAGS="--xla_force_host_platform_device_count=1",
        )
        for number in (LEADER, FOLLOWER)
    ]


if __name__ == "__main__":
    parse(__doc__)
    good = True
    for who, how in CASES:
        with tempfile.TemporaryDirectory() as folder:
            ending = main(who, how, Path(folder))
        print(f"{signal.Signals(how).name} to process {who}: {ending}", flush=True)
        good &= ending.good(how)
    raise SystemExit(not good)
