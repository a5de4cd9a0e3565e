"""For each file in configs/: is a stopped and resumed run the unbroken one? On other devices? In bfloat16?

python tests/reliability/presets.py

Networks are those of the file, but narrow ones for R3GAN, and batches are small. Made in two parts on as many devices,
arrays and metrics are equal to the bit; on one device instead of two, losses agree to `ROUNDING`; in bfloat16 those of
the first step to `BFLOAT16`.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

from devices import distance
from processes import ROOT, finish, parse, result

from jaxgan.rundir import metrics_log

PRESETS = sorted(path.stem for path in (ROOT / "configs").glob("*.py") if path.stem != "__init__")
SYNTHETIC = ("--config.data.source=synthetic", "--config.data.skip=0")  # where the images are not at hand
CHANGES = {
    "dcgan64": SYNTHETIC,
    "dcgan64_robust": SYNTHETIC,
    "r3gan_mnist": ("--config.model.widths=32,16,16",),
    "r3gan_stacked_mnist": ("--config.model.widths=32,16,16,16",),
    "r3gan_cifar10": ("--config.model.widths=32,16,16,16", *SYNTHETIC),
    "r3gan64": ("--config.model.widths=32,16,16,16,16", *SYNTHETIC),
}
TWO = "--xla_force_host_platform_device_count=2"
ROUNDING = 0.01  # of a loss, after few steps: Adam turns noise in near-zero gradients into whole steps
BFLOAT16 = 0.1  # of a loss of the first step; bfloat16 has 8 bits


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found of one preset."""

    resumed_equal: bool
    moved: float  # largest difference of a loss where the run went on with one device instead of two
    bfloat16: float  # largest difference of a loss of the first step

    @property
    def good(self) -> bool:
        """Return whether all is as README says."""
        return self.resumed_equal and self.moved < ROUNDING and self.bfloat16 < BFLOAT16


def main(name: str, folder: Path, *changes: str, batch: int = 8, steps: int = 6) -> Found:
    """Train a preset for a few steps in four ways."""

    def train(run: str, num: int, devices: int, *more: str) -> None:
        finish(
            f"--config={ROOT / 'configs' / name}.py",
            f"--workdir={folder / run}",
            f"--config.train.num_steps={num}",
            f"--config.train.num_devices={devices}",
            f"--config.data.batch_size={batch}",
            "--config.train.log_every=1",
            "--config.train.sample_every=0",
            *changes,
            *more,
            log=folder / "log.txt",
            cache=folder / "cache",
            XLA_FLAGS=TWO,
        )

    train("whole", steps, 2)
    train("parts", steps // 2, 2)
    train("parts", steps, 2)
    train("moved", steps // 2, 2)
    train("moved", steps, 1)
    train("rough", 1, 2, "--config.precision=bfloat16")
    rows = {run: metrics_log.read_metrics(folder / run) for run in ("whole", "moved", "rough")}
    return Found(
        result(folder / "whole") == result(folder / "parts"),
        distance(rows["whole"], rows["moved"]),
        distance(rows["whole"][:1], rows["rough"]),
    )


if __name__ == "__main__":
    parse(__doc__)
    good = True
    for name in PRESETS:
        with tempfile.TemporaryDirectory() as folder:
            found = main(name, Path(folder), *CHANGES.get(name, ()))
        print(f"{name}: {found}", flush=True)
        good &= found.good
    raise SystemExit(not good)
