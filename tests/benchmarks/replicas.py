"""Time many seeds in one program against single runs, one after the other and two at a time; print a Markdown table.

    python tests/benchmarks/replicas.py --config=configs/gan_mlp.py --replicas=8

Whole runs of `run.py`, as a user starts them, in turns; each is judged by the `steps_per_sec` of its log without the
first row, so start-up and compilation do not count. `gan_mlp` is also compared with PyTorch, where it is installed:
steps of one twin, and of as many twins in batched products. Wants an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from workers import JaxWorker, Remote, TorchWorker

ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/gan_mlp.py")
    parser.add_argument("--replicas", type=int, default=8)
    parser.add_argument("--steps", type=int, default=2_000, help="of each run; 2,000")
    parser.add_argument("--repeats", type=int, default=3, help="turns; 3")
    args = parser.parse_args()
    measured = {
        "single runs": lambda: step_of(args, runs=1, replicas=1),
        "two at a time": lambda: step_of(args, runs=2, replicas=1) / 2,
        "replicas": lambda: step_of(args, runs=1, replicas=args.replicas) / args.replicas,
    }
    if Path(args.config).stem == "gan_mlp" and importlib.util.find_spec("torch"):
        twin, twins = start_twins(args.replicas)
        measured["PyTorch, single steps"] = lambda: twin.run(args.steps) / args.steps
        measured["PyTorch, batched products"] = lambda: twins.run(args.steps) / args.steps / args.replicas
    times: dict[str, list[float]] = {name: [] for name in measured}
    for _ in range(args.repeats):
        for name, measure in measured.items():
            times[name].append(measure())
    print(
        f"{args.config}, {args.replicas} replicas: medians of {args.repeats} turns, in brackets the least and the most"
    )
    print("\n| what | ms for a step of one seed | as fast as single runs |\n| --- | --- | --- |")
    for name, own in times.items():
        ratios = [one / other for one, other in zip(times["single runs"], own, strict=True)]
        print(f"| {name} | {spread([1e3 * t for t in own], 3)} | {spread(ratios, 2)} |")


def start_twins(replicas: int) -> tuple[Remote, Remote]:
    """Return PyTorch's twin of `gan_mlp` and that of so many in one, each in its process, after their first step."""
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "data.npz")
        ours = Remote(JaxWorker, "gan_mlp", 0, "cpu", "float32", {})
        info = ours.describe()
        ours.save_data(data)
        ours.close()
        twin = Remote(TorchWorker, "gan_mlp", info, data, "cpu", "float32", "eager")
        info["config"]["train"]["num_replicas"] = replicas
        info["config"]["data"]["batch_size"] *= replicas
        twins = Remote(TorchWorker, "gan_mlp_replicas", info, data, "cpu", "float32", "eager")
        for one in twin, twins:
            one.compile()
    return twin, twins


def step_of(args: argparse.Namespace, runs: int, replicas: int) -> float:
    """Return the seconds of a step of the slowest of so many runs at once, each of so many replicas."""
    with tempfile.TemporaryDirectory() as folder:
        workdirs = [Path(folder) / str(number) for number in range(runs)]
        commands = [command(args, workdir, replicas) for workdir in workdirs]
        processes = [subprocess.Popen(words, stderr=subprocess.DEVNULL) for words in commands]
        codes = [process.wait() for process in processes]
        if any(codes):
            raise SystemExit("a run failed; start it by hand to see why.")
        return max(read(workdir) for workdir in workdirs)


def command(args: argparse.Namespace, workdir: Path, replicas: int) -> list[str]:
    """Return the command of one run, which saves and draws at the end only."""
    settings = {"num_steps": args.steps, "log_every": max(1, args.steps // 8), "sample_every": 0, "checkpoint_every": 0}
    settings["num_replicas"] = replicas
    flags = [f"--config.train.{name}={value}" for name, value in settings.items()]
    return [sys.executable, str(ROOT / "run.py"), f"--config={ROOT / args.config}", f"--workdir={workdir}", *flags]


def read(workdir: Path) -> float:
    """Return the seconds of a step, from the log of a run."""
    rows = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return 1 / statistics.median(row["steps_per_sec"] for row in rows[1:])


def spread(values: list[float], digits: int) -> str:
    """Format a median and the extremes."""
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


if __name__ == "__main__":
    main()
