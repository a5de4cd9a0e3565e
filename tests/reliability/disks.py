"""Break the disk under runs in five ways, see how they end, mend it, and compare what comes out with an unbroken run.

python tests/reliability/disks.py

All but the quota need root, for mounts of their own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from processes import TINY, parse, result, saved, start

from jaxgan.rundir import layout

LIMIT = 60  # seconds that a process may take to end once the disk is broken
SIZE = 8 * 2**20  # bytes of the disk that is full


@dataclasses.dataclass(frozen=True)
class Ending:
    """How a run on a disk that broke came to its end, and what came of it once the disk was mended."""

    status: int
    warnings: int  # failed saves that were said, and the last sentence
    seconds: float  # from the break to the end of the process
    traceback: bool
    equal: bool  # resumed on the mended disk, to a run whose disk was sound

    @property
    def good(self) -> bool:
        """Return whether a run ended as README promises."""
        return self.status == 1 and self.warnings > 1 and self.equal and not self.traceback


def sh(*command: object) -> None:
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


@contextlib.contextmanager
def mounted(place: Path) -> Iterator[Path]:
    """Mount a small file system at a place that takes no file once it is gone."""
    place.mkdir()
    sh("chattr", "+i", place)
    sh("mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=False, capture_output=True)
        sh("chattr", "-i", place)


Break = Callable[[subprocess.Popen, Path], Callable[[], None]]  # breaks the disk and returns what mends it


def fill(process: subprocess.Popen, workdir: Path) -> Callable[[], None]:
    """Leave not one free byte."""
    del process
    filler = workdir.parent / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler.unlink


def set_quota(process: subprocess.Popen, workdir: Path) -> Callable[[], None]:
    """Let the process write no file beyond 100 bytes."""
    del workdir
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100, 100))
    return lambda: None  # the next process has no limit


def make_read_only(process: subprocess.Popen, workdir: Path) -> Callable[[], None]:
    """Lay a read-only view of it over it: what is open stays open, all else is refused."""
    del process
    view = workdir.parents[1] / "view"
    view.mkdir()
    sh("mount", "--bind", workdir.parent, view)
    sh("mount", "-o", "remount,ro,bind", view)
    sh("mount", "--bind", view, workdir.parent)

    def mend() -> None:
        sh("umount", "-l", workdir.parent)
        sh("umount", "-l", view)
        view.rmdir()

    return mend


def make_immutable(process: subprocess.Popen, workdir: Path) -> Callable[[], None]:
    """Forbid changes to the folders of the run."""
    del process
    sh("chattr", "+i", workdir / layout.CHECKPOINTS, workdir)
    return lambda: sh("chattr", "-i", workdir / layout.CHECKPOINTS, workdir)


def take_away(process: subprocess.Popen, workdir: Path) -> Callable[[], None]:
    """Take the mount away while it is in use, and bring it back."""
    del process
    aside = workdir.parents[1] / "aside"
    aside.mkdir()
    sh("mount", "--bind", workdir.parent, aside)
    sh("umount", "-l", workdir.parent)

    def mend() -> None:
        sh("mount", "--bind", aside, workdir.parent)
        sh("umount", "-l", aside)
        aside.rmdir()

    return mend


CASES: dict[str, tuple[Break, bool]] = {  # how, and whether it needs a mount
    "quota": (set_quota, False),
    "full": (fill, True),
    "read-only": (make_read_only, True),
    "immutable": (make_immutable, False),
    "vanished": (take_away, True),
}


def main(case: str, folder: Path, length: int) -> Ending:
    """Train, break the disk once a checkpoint is there, wait for the end, mend it, and train on to the same end."""
    broken, on_mount = CASES[case]
    train = functools.partial(train_tiny, folder, length)
    with mounted(folder / "mount") if on_mount else contextlib.nullcontext(folder) as place:
        workdir = place / "run"
        with train(workdir) as process:
            while process.poll() is None and not saved(workdir):
                time.sleep(0.01)
            mend = broken(process, workdir)
            try:
                began = time.monotonic()
                process.wait(timeout=LIMIT)
            finally:
                mend()
        seconds, said = time.monotonic() - began, (folder / "log.txt").read_text()
        if train(workdir).wait() or train(folder / "sound").wait():
            raise RuntimeError((folder / "log.txt").read_text())
        equal = result(workdir)["arrays"] == result(folder / "sound")["arrays"]
        return Ending(process.returncode, said.count("could not be written to"), seconds, "Traceback" in said, equal)


def train_tiny(folder: Path, length: int, workdir: Path) -> subprocess.Popen:
    """Start a run of the tests' small GAN that saves each fiftieth step, or let it go on."""
    return start(
        f"--config={TINY}",
        f"--workdir={workdir}",
        f"--config.train.num_steps={length}",
        "--config.train.checkpoint_every=50",
        "--config.train.log_every=50",
        "--config.train.sample_every=0",
        "--config.train.steps_per_call=1",
        log=folder / "log.txt",
        cache=folder / "cache",
    )


if __name__ == "__main__":
    args = parse(__doc__, length=3000)
    good = True
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            ending = main(case, Path(folder), args.length)
        print(f"{case}: {ending}")
        good &= ending.good
    raise SystemExit(not good)
