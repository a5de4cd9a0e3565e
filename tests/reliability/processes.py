"""Runs of run.py in processes of their own, and what two runs must have in common to be called equal."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "tiny.py"
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from jaxgan.rundir import digests, layout, metrics_log, steps  # noqa: E402

TIMES = ("seconds", "steps_per_sec", "images_per_sec")  # what no two runs have in common


class Run(subprocess.Popen):
    """A process whose words this one writes to a file, so that no limit of the process holds for that file.

    As a context manager it leaves no process behind.
    """

    def __init__(self, command: list[str], log: Path, **options):
        log.touch()
        super().__init__(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
        self._copying = threading.Thread(target=self._copy, args=(log,), daemon=True)
        self._copying.start()

    def _copy(self, log: Path) -> None:
        with log.open("ab", buffering=0) as file, self.stdout:
            for line in self.stdout:
                file.write(line)

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end, and for all that was said."""
        status = super().wait(timeout)
        self._copying.join()
        return status

    def __exit__(self, *_: object) -> None:
        if self.poll() is None:
            kill(self)


def start(*args: object, log: Path, cache: Path | None = None, **env: str) -> Run:
    """Start run.py with its words in a file; compiled programs are kept in `cache`, or not at all."""
    found = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "JAX_PLATFORMS": "cpu", **env}
    found["JAX_COMPILATION_CACHE_DIR"] = str(cache or tempfile.mkdtemp(dir=log.parent))
    command = [sys.executable, str(ROOT / "run.py"), *map(str, args)]
    return Run(command, log, env=found, start_new_session=True)


def finish(*args: object, log: Path, **options) -> None:
    """Let run.py come to its end; RuntimeError with its words where it fails."""
    if start(*args, log=log, **options).wait() != 0:
        raise RuntimeError(log.read_text())


def kill(process: subprocess.Popen) -> None:
    """End a process and its children as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def result(workdir: Path) -> dict[str, object]:
    """Return what a run made: digests of its last state's arrays, its metrics but for times, digests of its grids."""
    newest = max(steps.saved_steps(workdir))
    sealed = digests.unseal(layout.step_folder(workdir, newest))
    if sealed is None:
        raise AssertionError(f"step {newest} of {workdir} has no digests")
    rows = [{k: v for k, v in row.items() if k not in TIMES} for row in metrics_log.read_metrics(workdir)]
    grids = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in workdir.glob("samples/*.png")}
    return {"step": newest, "arrays": sealed["digests"], "rows": rows, "grids": grids}


def saved(workdir: Path) -> list[int]:
    """Return the steps of a run's checkpoints, none where it has none yet."""
    try:
        return steps.saved_steps(workdir)
    except FileNotFoundError:
        return []


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def parse(description: str | None, **numbers: int) -> argparse.Namespace:
    """Read numbers from the command line, each with its default."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default:,}")
    return parser.parse_args()
