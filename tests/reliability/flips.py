"""Flip one bit after the other in the files of a checkpoint, and count how many are noticed.

python tests/reliability/flips.py --num=1000

A flip that is not noticed must leave every array as it was written: some bytes of a file mean nothing.
"""

from __future__ import annotations

import collections
import importlib
import random
import tempfile
from pathlib import Path

import jax
import numpy as np
from processes import parse

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.rundir import restore

tiny = importlib.import_module("tiny")  # where `processes` made it be found

ARRAYS_CHANGED = "arrays silently changed"


def main(num: int, seed: int, folder: Path) -> collections.Counter:
    """Return how many flips were noticed, how many were without effect, and how many changed arrays silently."""
    config = tiny.get_config()
    config.train.update(num_devices=1, num_steps=2, log_every=1, sample_every=0)
    jaxgan.train(config, folder)
    step = folder / "checkpoints" / "2"
    files = sorted(path for path in step.rglob("*") if path.is_file() and path.stat().st_size)
    good = arrays(step)
    rng, found = random.Random(seed), collections.Counter()
    for _ in range(num):
        path = rng.choice(files)
        content = path.read_bytes()
        place = rng.randrange(8 * len(content))
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        path.write_bytes(changed)
        try:
            same = equal(arrays(step), good)
            found["without effect" if same else ARRAYS_CHANGED] += 1
        except UserError:
            found["noticed"] += 1
        path.write_bytes(content)
    return found


def arrays(step: Path) -> dict[str, np.ndarray]:
    return restore.read_all(step)


def equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    """Return whether all arrays have the same bits: NaN equals itself, and 0 is not -0."""
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


if __name__ == "__main__":
    jax.config.update("jax_platforms", "cpu")
    args = parse(__doc__, num=1000, seed=0)
    with tempfile.TemporaryDirectory() as folder:
        found = main(args.num, args.seed, Path(folder))
    print(f"{args.num} bits flipped:", ", ".join(f"{count} {kind}" for kind, count in found.items()))
    raise SystemExit(bool(found[ARRAYS_CHANGED]))
