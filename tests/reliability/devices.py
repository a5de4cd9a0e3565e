"""Train on 1, 2 and 4 devices, with dropout on, and compare the losses: the same run, to rounding.

python tests/reliability/devices.py --steps=20
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from processes import TINY, finish, parse

from jaxgan.rundir import metrics_log
from jaxgan.rundir.metrics_log import Row

NUMBERS = (1, 2, 4)
FOUR = "--xla_force_host_platform_device_count=4"  # the processor four times over


def main(steps: int, folder: Path) -> dict[int, list[Row]]:
    """Return the metrics of each step by the number of devices."""
    rows = {}
    for number in NUMBERS:
        finish(
            f"--config={TINY}",
            f"--workdir={folder / str(number)}",
            f"--config.train.num_devices={number}",
            f"--config.train.num_steps={steps}",
            "--config.train.log_every=1",
            "--config.train.sample_every=0",
            "--config.model.dropout=0.5",
            log=folder / "log.txt",
            cache=folder / "cache",
            XLA_FLAGS=FOUR,
        )
        rows[number] = metrics_log.read_metrics(folder / str(number))
    return rows


def distance(one: list[Row], other: list[Row]) -> float:
    """Return the largest difference of two runs' losses."""
    names = [name for name in one[0] if "loss" in name]
    return float(np.max([abs(a[name] - b[name]) for a, b in zip(one, other, strict=True) for name in names]))


if __name__ == "__main__":
    args = parse(__doc__, steps=20)
    with tempfile.TemporaryDirectory() as folder:
        rows = main(args.steps, Path(folder))
    apart = {number: distance(rows[1], rows[number]) for number in NUMBERS[1:]}
    print(f"{args.steps} steps with dropout: losses on {apart} devices differ from those on one by so much")
    raise SystemExit(max(apart.values()) > 1e-3)
