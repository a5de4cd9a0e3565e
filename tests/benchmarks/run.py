"""Time jaxgan against PyTorch and TensorFlow twins of the same systems and write a Markdown table.

    python tests/benchmarks/run.py --out=tests/benchmarks/RESULTS.md
    python tests/benchmarks/run.py --systems=gan_mlp,dcgan --repeats=3 --seconds=2
    python tests/benchmarks/run.py --device=cuda --precision=bfloat16

Needs `pip install '.[bench]'` and an otherwise idle machine. Both sides do the whole training step: gather the
batch from a data set in memory, draw latents, update both networks, average the generator, compute the metrics
and fetch them once at the end. They take turns (A B C A B C ...), in processes of their own; ratios are of
times of the same turn.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import shlex
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workers import PRECISIONS, JaxWorker, Remote, TfWorker, TorchWorker, num_cores

WITH_PENALTIES = ("dcgan_robust", "images64", "images128")  # TensorFlow has no twins of them
SYSTEMS = ("gan_mlp", "dcgan", "acgan", "dcgan64", "dcgan_z1x1", *WITH_PENALTIES)
TORCH = {
    "cpu": ("eager", "channels_last", "compile", "compile+channels_last"),
    "cuda": ("eager", "channels_last", "compile+graph", "compile+channels_last+graph"),  # a step is one CUDA graph
}
TENSORFLOW = ("tf", "tf+xla")  # under tf.function, without XLA and with it
VARIANTS = {device: variants + TENSORFLOW for device, variants in TORCH.items()}
# On a CPU TensorFlow's XLA takes six times as long for convolutions: 2.9 s for a step of `dcgan`.
XLA_ON_CPU = ("gan_mlp",)
# Thread pools of PyTorch and XLA spin for a moment after their work, on the other's cores.
PAUSE = 0.3


@dataclasses.dataclass
class Side:
    """What was measured of one framework and variant.

    Attributes:
      first: seconds of the first call, compilation included.
      times: seconds a training step, one number a turn.
      sampling: seconds a call by number of images, one number a turn.
      scoring: seconds to draw and score 10,000 images, one number a turn.
      memory: peak in bytes after training, before sampling.
      failure: why there are no numbers, else empty.
    """

    first: float = 0.0
    times: list[float] = dataclasses.field(default_factory=list)
    sampling: dict[int, list[float]] = dataclasses.field(default_factory=dict)
    scoring: list[float] = dataclasses.field(default_factory=list)
    memory: int = 0
    failure: str = ""


@dataclasses.dataclass
class Result:
    """What was measured of one system."""

    system: str
    info: dict[str, Any]
    steps: int
    jaxgan: Side
    peers: dict[str, Side]
    flops: int
    rate: float
    versions: str

    @property
    def batch(self) -> int:
        """Images a step."""
        return self.info["config"]["data"]["batch_size"]

    @property
    def fastest(self) -> str:
        """The variant of either peer with the lowest median."""
        return self.fastest_of(*self.peers)

    def fastest_of(self, *names: str) -> str:
        """Return the variant with the lowest median among these, empty if none of them ran."""
        ran = [name for name in names if name in self.peers and not self.peers[name].failure]
        return min(ran, key=lambda name: statistics.median(self.peers[name].times), default="")


def main() -> None:
    """Measure, printing the tables after each system, and write them."""
    args = parse()
    results = []
    for system in args.systems:
        results.append(measure(system, args))
        text = report(results, args)
        print(text, flush=True)
        if args.out:
            args.out.write_text(text)


def parse() -> argparse.Namespace:
    """Read the command line."""

    def names(known: Sequence[str]):
        def split(text: str) -> list[str]:
            given = text.split(",")
            if wrong := [name for name in given if name not in known]:
                raise argparse.ArgumentTypeError(f"{', '.join(wrong)}; expected some of {', '.join(known)}")
            return given

        return split

    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--systems", type=names(SYSTEMS), default=list(SYSTEMS), help="comma-separated; all")
    parser.add_argument("--variants", type=names(sum(VARIANTS.values(), ())), help="of PyTorch and TensorFlow; all")
    parser.add_argument("--repeats", type=int, default=7, help="turns; 7")
    parser.add_argument("--seconds", type=float, default=4.0, help="aimed length of a turn of jaxgan; 4")
    parser.add_argument("--steps", type=int, default=0, help="training steps a turn, instead of --seconds")
    parser.add_argument("--batch", type=int, default=0, help="images a step; 0: as configured")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=NUMBER", help="such as model.width=128")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of the layers")
    parser.add_argument("--no-sampling", action="store_true", help="time training only")
    parser.add_argument("--out", type=Path, help="Markdown file")
    args = parser.parse_args()
    args.variants = args.variants or list(VARIANTS[args.device])
    return args


def measure(system: str, args: argparse.Namespace) -> Result:
    """Measure one system."""
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data.npz")
        overrides = {field: float(n) if "." in n else int(n) for field, n in (s.split("=") for s in args.set)}
        ours = Remote(JaxWorker, system, args.batch, args.device, args.precision, overrides)
        remotes = {"jaxgan": ours}
        try:
            info, rate = ours.describe(), ours.product_rate()
            ours.save_data(data)
            sides = {"jaxgan": Side(first=ours.compile())}
            for variant in args.variants:
                if has_twin(system, variant, args.device):
                    sides[variant] = start_peer(remotes, system, info, data, args, variant)
            steps = args.steps or choose_steps(ours, args.seconds)
            # jaxgan's calls make several steps each where that is faster.
            steps = -(-steps // info["steps_per_call"]) * info["steps_per_call"]
            train(remotes, sides, steps, args.repeats)
            if not args.no_sampling:
                sample(remotes, sides, args.repeats)
                score(remotes, sides, args.repeats, os.path.join(folder, "scorer.npz"))
            flops, versions = count(remotes, info)
        finally:
            for remote in remotes.values():
                remote.close()
    return Result(system, info, steps, sides.pop("jaxgan"), sides, flops, rate, versions)


def has_twin(system: str, variant: str, device: str) -> bool:
    """Whether a variant is measured for a system."""
    if variant == "tf+xla" and device == "cpu":
        return system in XLA_ON_CPU
    return variant not in TENSORFLOW or system not in WITH_PENALTIES


def start_peer(
    remotes: dict[str, Remote], system: str, info: dict, data: str, args: argparse.Namespace, variant: str
) -> Side:
    """Start a variant and make its first step; a failure is reported, not raised."""
    remote = None
    try:
        worker = TfWorker if variant in TENSORFLOW else TorchWorker
        remote = Remote(worker, system, info, data, args.device, args.precision, variant)
        first = remote.compile()
    except RuntimeError as error:
        if remote is not None:
            remote.close()
        return Side(failure=str(error))
    remotes[variant] = remote
    return Side(first=first)


def choose_steps(ours: Remote, seconds: float) -> int:
    """Return how many steps jaxgan makes in so many seconds."""
    call = ours.describe()["steps_per_call"]
    steps = call
    while True:
        spent = ours.run(steps)
        if spent > seconds / 10:
            return max(1, round(seconds / spent * steps))
        steps *= 4


def train(remotes: dict[str, Remote], sides: dict[str, Side], steps: int, repeats: int) -> None:
    """Time training in turns; the first turn warms up."""
    for turn in range(repeats + 1):
        for name, remote in remotes.items():
            spent = remote.run(steps)
            if turn:
                sides[name].times.append(spent / steps)
            time.sleep(PAUSE)
    for name, remote in remotes.items():
        sides[name].memory = remote.memory()


def sample(remotes: dict[str, Remote], sides: dict[str, Side], repeats: int) -> None:
    """Time sampling in turns; the first turn warms up."""
    for num, calls in (1, 50), (1_000, 3):
        for turn in range(repeats + 1):
            for name, remote in remotes.items():
                spent = remote.sample(num, calls)
                if turn:
                    sides[name].sampling.setdefault(num, []).append(spent / calls)
                time.sleep(PAUSE)


def score(remotes: dict[str, Remote], sides: dict[str, Side], repeats: int, path: str) -> None:
    """Time evaluation in turns, jaxgan's and PyTorch's without `torch.compile`; the first turn warms up."""
    if not remotes["jaxgan"].save_scorer(path):
        return
    scoring = {name: it for name, it in remotes.items() if name not in TENSORFLOW and "compile" not in name}
    for name, remote in scoring.items():
        if name != "jaxgan":
            remote.read_scorer(path)
    for turn in range(repeats + 1):
        for name, remote in scoring.items():
            spent = remote.score()
            if turn:
                sides[name].scoring.append(spent)
            time.sleep(PAUSE)


def count(remotes: dict[str, Remote], info: dict[str, Any]) -> tuple[int, str]:
    """Return the products of a step, 0 if no twin in PyTorch runs, and the versions."""
    flops, versions = 0, {info["versions"]: None}
    for name, remote in remotes.items():
        if name != "jaxgan":
            versions[remote.versions()] = None
            flops = flops if flops or name in TENSORFLOW else remote.flops()
    return flops, ", ".join(versions)


def report(results: Sequence[Result], args: argparse.Namespace) -> str:
    """Return all tables as Markdown."""
    first = results[0]
    rates = [result.rate / 1e9 for result in results]
    command = shlex.join(["python", *(arg for arg in sys.argv if not arg.startswith("--out"))])
    head = f"""# Speed against PyTorch and TensorFlow

Made by `{command}` on {time.strftime("%Y-%m-%d")}.
{machine(first, args.device)}; Python {platform.python_version()}, {first.versions}.
Training in {args.precision}; JAX multiplies large matrices at {min(rates):,.0f} to {max(rates):,.0f} GFLOP/s.

Medians of {args.repeats} turns, in brackets the least and the most. A ratio above 1 means that jaxgan is faster; it is
the median over turns of the time of the fastest variant of either by jaxgan's.
"""
    parts = [head, "## Training", training_table(results, args.variants), "## Cost", cost_table(results)]
    if first.jaxgan.sampling:
        parts += ["## Sampling", sampling_table(results)]
    if scored := [result for result in results if result.jaxgan.scoring]:
        parts += ["## Evaluation", scoring_table(scored)]
    failures = [
        f"- {r.system}, {name}: {side.failure}" for r in results for name, side in r.peers.items() if side.failure
    ]
    if failures:
        parts += ["## What did not run", "\n".join(failures)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def machine(result: Result, device: str) -> str:
    """Return the machine in words."""
    if device == "cuda":
        return result.info["device"]
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    return f"{model}, {num_cores()} cores"


def training_table(results: Sequence[Result], variants: Sequence[str]) -> str:
    """Return times a step."""
    rows = []
    for r in results:
        times = [milliseconds(side.times) for side in (r.jaxgan, *(r.peers.get(v, Side()) for v in variants))]
        ratio = spread(ratios(r.peers[r.fastest].times, r.jaxgan.times), 2) if r.fastest else "-"
        rate = f"{r.batch / statistics.median(r.jaxgan.times):,.0f}"
        rows.append([r.system, str(r.batch), *times, ratio, rate])
    labels = [v if v in TENSORFLOW else f"torch {v}" for v in variants]
    return table(["system", "batch", "jaxgan, ms a step", *labels, "ratio", "images/s"], rows)


def cost_table(results: Sequence[Result]) -> str:
    """Return compilation, arithmetic and memory."""
    rows = []
    for r in results:
        torch = r.peers.get(r.fastest_of(*(name for name in r.peers if name not in TENSORFLOW)))
        tf = r.peers.get(r.fastest_of(*TENSORFLOW))
        compiled = r.peers.get(r.fastest_of(*(name for name in r.peers if "compile" in name)))
        rows.append(
            [
                *(r.system, str(r.info["steps_per_call"]), f"{r.jaxgan.first:.1f}"),
                f"{compiled.first:.1f}" if compiled else "-",
                f"{tf.first:.1f}" if tf else "-",
                f"{r.flops / 1e9:.2f}" if r.flops else "-",
                *(share(r, side) for side in (r.jaxgan, torch, tf)),
                *(f"{side.memory / 2**20:,.0f}" if side else "-" for side in (r.jaxgan, torch, tf)),
            ]
        )
    names = ["system", "steps a call", "jaxgan, first call s", "torch.compile, first step s", "tf, first call s"]
    names += ["GFLOP a step", "jaxgan, share of product rate", "torch", "tf", "jaxgan, peak MiB", "torch", "tf"]
    note = (
        "Products are counted on the twin (`torch.utils.flop_counter`: 2 for each multiply-add of dense and convolution"
        " layers, forward and backward; without penalties), for both sides alike. Memory is the most that the process "
        "(on a GPU: the framework's allocator) has held, data set and libraries included. `torch` and `tf` are their "
        "fastest variants."
    )
    return f"{note}\n\n{table(names, rows)}"


def share(result: Result, side: Side | None) -> str:
    """Return FLOP/s and their share of the rate of matrix products."""
    if side is None or not result.flops:
        return "-"
    rate = result.flops / statistics.median(side.times)
    return f"{rate / result.rate:.0%} ({rate / 1e9:,.0f} GFLOP/s)"


def sampling_table(results: Sequence[Result]) -> str:
    """Return times of sampling, against the variant that samples fastest."""
    rows = []
    for r in results:
        row = [r.system]
        for num in 1, 1_000:
            theirs = [side.sampling[num] for side in r.peers.values() if not side.failure]
            best = min(theirs, key=statistics.median, default=None)
            row += [milliseconds(r.jaxgan.sampling[num]), milliseconds(best or [])]
            row += [spread(ratios(best, r.jaxgan.sampling[num]), 2) if best else "-"]
        rows.append([*row, f"{1_000 / statistics.median(r.jaxgan.sampling[1_000]):,.0f}"])
    names = ["system"]
    for num in "1", "1,000":
        names += [f"batch {num}: jaxgan, ms", "fastest peer, ms", "ratio"]
    return table([*names, "images/s"], rows)


def scoring_table(results: Sequence[Result]) -> str:
    """Return times of an evaluation, against the variant that is fastest."""
    rows = []
    for r in results:
        best = min((side.scoring for side in r.peers.values() if side.scoring), key=statistics.median, default=[])
        ratio = spread(ratios(best, r.jaxgan.scoring), 2) if best else "-"
        rows.append([r.system, *(spread(times, 2) if times else "-" for times in (r.jaxgan.scoring, best)), ratio])
    note = (
        "10,000 images drawn and compared with the digits by `fd_mnist`, precision, recall, density and coverage, on "
        "both sides with the same classifier and from numbers of the real images that are computed before."
    )
    return f"{note}\n\n{table(['system', 'jaxgan, s', 'torch, s', 'ratio'], rows)}"


def ratios(above: Sequence[float], below: Sequence[float]) -> list[float]:
    """Divide times of the same turn."""
    return [a / b for a, b in zip(above, below, strict=True)]


def milliseconds(seconds: Sequence[float]) -> str:
    """Format times."""
    if not seconds:
        return "-"
    return spread([1e3 * s for s in seconds], 3 if statistics.median(seconds) < 0.01 else 1)


def spread(values: Sequence[float], digits: int) -> str:
    """Format a median and the extremes."""
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f}-{max(values):.{digits}f}]"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table."""
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cell.strip() for cell in line)} |" for line in lines)


if __name__ == "__main__":
    main()
