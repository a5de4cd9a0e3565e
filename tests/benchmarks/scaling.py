"""Measure what a second process costs, and work out what many devices would do; the tables of docs/results.md.

    python tests/benchmarks/scaling.py count dcgan64   # sums over devices in a step, their bytes, and products
    python tests/benchmarks/scaling.py wire            # time of such a sum between two processes here
    python tests/benchmarks/scaling.py weak dcgan      # one process, two apart, two as one job; on two idle cores
    python tests/benchmarks/scaling.py model dcgan64   # many accelerators, by a formula

The formula, a lower bound of the efficiency without overlap:

    step = images per device x operations per image / speed + small sums x latency + bytes x (2 (P - 1) / P) / bandwidth

Processes have one CPU device and one core each. `weak` takes turns, and gives medians over them.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "reliability")]

from processes import free_port  # noqa: E402

ONE_DEVICE = "--xla_force_host_platform_device_count=1"
SIZES = (4, 4_000, 400_000, 4_000_000, 24_000_000)  # bytes of the sums that `wire` times

# What `model` assumes: H100 SXM in machines of eight, by NVIDIA's data sheets of it and of DGX H100.
PER_MACHINE = 8
INSIDE, BETWEEN = 450e9, 50e9  # bytes a second that a device sends: NVLink, and 400 Gb/s of InfiniBand each
LATENCY, DOUBLING = 20e-6, 10e-6  # seconds of a small sum in a machine, and for each doubling of machines: assumed
PRODUCTS = 100e12  # operations a second that a training step reaches: an assumption, a tenth of the bfloat16 peak
CORES, DECODED = 96, 5_000  # cores of a machine, and 64x64 JPEG images that one decodes in a second


class Step(NamedTuple):
    """What is counted of a training step of one batch on two devices.

    Attributes:
      sums: bytes of each sum over the devices.
      products: floating-point operations an image, as XLA counts them, updates of both networks included.
      parameters: of both networks.
      batch: images a step, as configured.
    """

    sums: list[int]
    products: float
    parameters: int
    batch: int


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("count", "wire", "weak", "model"))
    parser.add_argument("system", nargs="?", default="dcgan", help="a file in configs/; dcgan")
    parser.add_argument("--batch", type=int, default=0, help="images a step of count and model; as configured")
    parser.add_argument("--turns", type=int, default=5, help="of weak; 5")
    parser.add_argument("--steps", type=int, default=60, help="of each run of weak; 60")
    parser.add_argument(
        "--job", default="", help=argparse.SUPPRESS
    )  # COORDINATOR,ID of a process that this one started
    args = parser.parse_args()
    if args.job:
        time_sums(*args.job.split(","))
    elif args.what == "count":
        print_count(args.system, count(args.system, args.batch))
    elif args.what == "wire":
        print("\n".join(wire()))
    elif args.what == "weak":
        weak(args.system, args.turns, args.steps)
    else:
        model(args.system, count(args.system, args.batch))


def configured(system: str):
    """Return a system's configuration, with drawn images where it reads a folder."""
    config = importlib.import_module(f"configs.{system}").get_config()
    if config.data.source in ("auto", "tfds"):
        config.data.source = "synthetic"
    config.data.cache = "none"
    config.train.steps_per_call = 1
    return config


# ---- Counted --------------------------------------------------------------------------------------------------------


def count(system: str, batch: int = 0) -> Step:
    """Compile a step for two devices and read from the program what they send each other."""
    os.environ["XLA_FLAGS"] = ONE_DEVICE.replace("1", "2")
    import jax

    from jaxgan import data
    from jaxgan.runs.batches import batch_shapes
    from jaxgan.runs.setup import create_setup
    from jaxgan.training.many_seeds import make_step_of_all
    from jaxgan.training.parallel import CompiledSteps

    config = configured(system)
    configured_batch = config.data.batch_size
    config.data.batch_size = batch or configured_batch
    setup = create_setup(config, data.open_source(config.data), jax.devices())
    steps = CompiledSteps(make_step_of_all(setup.gan, None, None, {}), setup.devices, 1)
    program = steps.compile((setup.state_shapes,), batch_shapes([setup], on_device=False)).result()
    analysis = program.cost_analysis()
    per_device = config.data.batch_size * setup.gan.rule.d_steps / 2
    nets = setup.state_shapes.g.params, setup.state_shapes.d.params
    return Step(
        sums_of(program.as_text()),
        analysis["flops"] / per_device,
        sum(leaf.size for leaf in jax.tree.leaves(nets)),
        configured_batch,
    )


def sums_of(program: str) -> list[int]:
    """Return the bytes of each all-reduce of a compiled program."""
    found = []
    for line in program.splitlines():
        if made := re.search(r"= (.*?) all-reduce(?:-start)?\(", line):
            arrays = re.findall(r"[a-z]+(\d+)\[([\d,]*)\]", made[1])
            found.append(
                sum(int(bits) // 8 * math.prod(map(int, filter(None, dims.split(",")))) for bits, dims in arrays)
            )
    return found


def print_count(system: str, step: Step) -> None:
    """Say what was counted."""
    large = [size for size in step.sums if size > 10_000]
    print(
        f"{system}: {len(step.sums)} sums a step, {sum(step.sums):,} bytes ({len(large)} of more than 10 kB with "
        f"{sum(large):,}); {step.parameters:,} parameters are {4 * step.parameters:,} bytes; "
        f"{step.products / 1e9:.3f} G operations an image; batches of {step.batch}"
    )


# ---- Measured -------------------------------------------------------------------------------------------------------


def wire() -> list[str]:
    """Return lines about sums of several sizes between two processes."""
    coordinator = f"localhost:{free_port()}"
    jobs = [begin([__file__, "wire", f"--job={coordinator},{number}"], number) for number in (0, 1)]
    said = [job.communicate() for job in jobs]
    if any(job.returncode for job in jobs):
        raise RuntimeError(said[0][1])
    return said[0][0].splitlines()


def time_sums(coordinator: str, number: str) -> None:
    """Time sums of several sizes, as one of two processes, and print the medians."""
    from jaxgan.base import processes

    processes.join(coordinator, 2, int(number))
    import jax

    reduce = jax.pmap(lambda x: jax.lax.pmean(x, "devices"), axis_name="devices")
    for size in SIZES:
        array, seconds = jax.numpy.zeros((1, size // 4)), []
        for _ in range(30):
            began = time.perf_counter()
            array = jax.block_until_ready(reduce(array))
            seconds.append(time.perf_counter() - began)
        if number == "0":
            print(f"{size:>12,} bytes {1e3 * statistics.median(seconds[5:]):9.3f} ms")
    processes.leave()


def weak(system: str, turns: int, steps: int) -> None:
    """Time a step of one process, of two apart, and of two as one job of twice the batch; print medians of ratios."""
    batch = configured(system).data.batch_size // 2
    found: list[tuple[float, float, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(turns):
            place = Path(folder) / str(turn)
            alone, _ = run(system, batch, steps, place / "alone", [()])
            apart, _ = run(system, batch, steps, place / "apart", [(), ()])
            job = f"--coordinator=localhost:{free_port()}", "--num_processes=2"
            flags = [(*job, f"--process_id={number}") for number in (0, 1)]
            together, sent = run(system, 2 * batch, steps, place / "job", flags)
            found.append((alone, apart, together, sent))
            print(f"turn {turn}: " + ", ".join(f"{1e3 * seconds:.1f}" for seconds in found[-1][:3]), file=sys.stderr)
    alone, apart, together, sent = (statistics.median(column) for column in zip(*found, strict=True))
    ratios = [[row[2] / row[0] for row in found], [row[2] / row[1] for row in found]]
    print(
        f"{system}, {batch} images a process: one {1e3 * alone:.1f} ms a step; two apart {1e3 * apart:.1f}; two as "
        f"one job {1e3 * together:.1f}; job over one {statistics.median(ratios[0]):.2f}, over two apart "
        f"{statistics.median(ratios[1]):.2f}; {sent:,.0f} bytes a step between them"
    )


def run(system: str, batch: int, steps: int, folder: Path, processes: list[tuple[str, ...]]) -> tuple[float, float]:
    """Train in processes with these flags; return seconds a step of the first, and bytes a step between them."""
    fixed = (
        f"--config={ROOT}/configs/{system}.py",
        f"--config.data.batch_size={batch}",
        f"--config.train.num_steps={steps}",
        "--config.train.log_every=10",
        "--config.train.sample_every=0",
        "--config.train.checkpoint_every=0",
        "--config.train.steps_per_call=1",
        "--config.data.cache=none",
        f"--config.data.source={configured(system).data.source}",
    )
    job = bool(processes[0])
    workdirs = [folder / ("run" if job else str(number)) for number in range(len(processes))]
    pairs = zip(processes, workdirs, strict=True)
    started = [
        begin([str(ROOT / "run.py"), *fixed, f"--workdir={workdir}", *flags], number)
        for number, (flags, workdir) in enumerate(pairs)
    ]
    # Read when half of the steps are made and at the end: starting up sends a state, too.
    from jaxgan.rundir.metrics_log import read_metrics

    marks: list[tuple[int, int]] = []
    while any(process.poll() is None for process in started):
        reached = [row["step"] for row in read_metrics(workdirs[0])] if workdirs[0].exists() else []
        if reached and (not marks or reached[-1] > marks[-1][0]):
            marks.append((reached[-1], loopback()))
        time.sleep(0.005)
    for process in started:
        if process.returncode:
            raise RuntimeError(process.communicate()[1])
    seconds = [1 / row["steps_per_sec"] for row in read_metrics(workdirs[0])]
    marks = [mark for mark in marks if mark[0] < steps]  # the last one has the end of the run in it
    sent = (marks[-1][1] - marks[0][1]) / (marks[-1][0] - marks[0][0])
    return statistics.median(seconds[2:]), sent


def begin(command: list[str], core: int) -> subprocess.Popen:
    """Start Python on one core, with one CPU device."""
    cores = sorted(os.sched_getaffinity(0))
    env = os.environ | {"XLA_FLAGS": ONE_DEVICE, "JAX_PLATFORMS": "cpu"}
    return subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[core % len(cores)]}),
    )


def loopback() -> int:
    """Return the bytes that this machine has sent to itself."""
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split()[9])


# ---- Worked out -----------------------------------------------------------------------------------------------------


def model(system: str, step: Step) -> None:
    """Print a table for many accelerators, with two sizes of batch for each, and with the configured one for all."""
    print_count(system, step)
    small, large = step.batch, 8 * step.batch
    columns = f"{small} each: efficiency, images/s", f"{large} each", "cores to decode", f"{small} in all: efficiency"
    print("| devices |", " | ".join(columns), "|")
    print("|---|---|---|---|---|")
    for num in (1, 8, 16, 64, 128, 512):
        cells = []
        for each in small, large:
            alone = each * step.products / PRODUCTS
            whole = alone + exchange(step, num)
            cells.append(f"{alone / whole:.0%}, {num * each / whole:,.0f}")
        cores = num * large / whole / DECODED / max(1, num // PER_MACHINE)
        shared = small * step.products / PRODUCTS / num
        all_ = "" if small % num else f"{shared / (shared + exchange(step, num)):.0%}"
        print(f"| {num} | {cells[0]} | {cells[1]} | {cores:,.0f} of {CORES} | {all_} |")


def exchange(step: Step, num: int) -> float:
    """Return the seconds that the sums of a step take on `num` accelerators, none of them hidden behind products.

    A ring sends each byte 2 (P - 1) / P times; between machines, each device sends its eighth of what one machine has
    added up (Thakur et al., "Optimization of collective communication operations in MPICH", 2005).
    """
    if num == 1:
        return 0.0
    inside, machines = min(num, PER_MACHINE), max(1, num // PER_MACHINE)
    size, seconds = sum(step.sums), len(step.sums) * LATENCY
    seconds += 2 * (inside - 1) / inside * size / INSIDE
    if machines > 1:
        seconds += len(step.sums) * DOUBLING * math.log2(machines)
        seconds += 2 * (machines - 1) / machines * size / PER_MACHINE / BETWEEN
    return seconds


if __name__ == "__main__":
    main()
