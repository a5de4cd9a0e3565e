"""Print where the time of a jaxgan training step goes.

    python tests/benchmarks/parts.py dcgan
    python tests/benchmarks/parts.py acgan --batch=128 --repeats=20

Compiles the pieces of the step one by one and times them in turns. Their sum differs from the whole step, which is
timed too: XLA shares work between pieces that it sees together, and each piece writes its results to memory.
(Not called `profile.py`, which would hide the standard library's module of that name.)
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from workers import PRECISIONS, JaxWorker

Pieces = dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]


def main() -> None:
    """Time all pieces and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system")
    parser.add_argument("--batch", type=int, default=0, help="images a step; 0: as configured")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="of the layers")
    args = parser.parse_args()
    setup = JaxWorker(args.system, args.batch, args.device, args.precision, {}).setup
    step, details = pieces(setup)
    times = measure({**step, **details}, args.repeats)
    whole = times["whole step"]
    sum_ = sum(times[name] for name in step if name != "whole step")
    print(f"{args.system}, batch {setup.config.data.batch_size}: medians of {args.repeats}: ms, share of the whole")
    for name in step:
        print(f"  {name:<28}{times[name] * 1e3:>9.3f}{times[name] / whole:>8.0%}")
    print(f"  {'sum of the pieces':<28}{sum_ * 1e3:>9.3f}{sum_ / whole:>8.0%}")
    print("of which, or for comparison")
    for name in details:
        print(f"  {name:<28}{times[name] * 1e3:>9.3f}{times[name] / whole:>8.0%}")


def measure(pieces: Pieces, repeats: int) -> dict[str, float]:
    """Return the median seconds of each piece; turn by turn, so that a disturbance hits all alike."""
    import jax

    from jaxgan.base import machine

    compiled = {
        name: jax.jit(piece, compiler_options=machine.compiler_options()) for name, (piece, _) in pieces.items()
    }
    times: dict[str, list[float]] = {name: [] for name in pieces}
    for turn in range(repeats + 1):
        for name, (_, inputs) in pieces.items():
            start = time.perf_counter()
            jax.block_until_ready(compiled[name](*inputs))
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def pieces(setup: Any) -> tuple[Pieces, Pieces]:
    """Return the pieces of which the step consists, and parts of those, each with its inputs.

    The pieces are functions of `jaxgan.training.step`, called with what the step gives them.
    """
    import jax
    import numpy as np

    from jaxgan.base.pixels import to_range
    from jaxgan.base.types import Batch
    from jaxgan.training import ema, passes, step as steps
    from jaxgan.training.regularisation import ALWAYS

    gan, state, batch = setup.gan, setup.new_state(), setup.config.data.batch_size
    rule = gan.rule
    data = jax.device_put(setup.source.read(np.arange(setup.source.info.num_images)))
    rows = jax.numpy.asarray(setup.plan.indices(0, rule.d_steps), "int32")
    key, other = jax.random.key(0), jax.random.key(1)
    fresh = rule.latents == "fresh"

    def gather(data, rows):
        images, labels = jax.tree.map(lambda x: x[rows], data)
        return [Batch(to_range(x, gan.image_range), y) for x, y in zip(images, labels, strict=True)]

    def noise(key):
        keys = jax.random.split(key, 1 + rule.d_steps * fresh)
        return [passes.draw_noise(gan, k, batch) for k in keys]

    def make(g, noise):
        return passes.apply(gan, gan.generator, g.variables, *noise, train=rule.g_stats_for_d == "batch")

    def score(d, pictures, key):
        return passes.apply(gan, gan.discriminator, d.variables, *pictures, train=True, dropout_key=key)

    def optimise(net, grads):
        return net.apply_gradients(grads=grads)

    def train(state, data, rows):
        return steps.train_step(gan, state, *jax.tree.map(lambda x: x[rows], data))

    g, d = state.g, state.d
    real, z = jax.jit(gather)(data, rows)[0], jax.jit(noise)(key)[0]
    fake = Batch(jax.jit(make)(g, z)[0], z.labels)
    step: Pieces = {
        "whole step": (train, (state, data, rows)),
        "gather": (gather, (data, rows)),
        "noise": (noise, (key,)),
    }
    if rule.accuracy_stats == "running":
        accuracies = lambda g, d, real, z: steps.inference_accuracies(gan, g, d, real, z)  # noqa: E731
        step["accuracies in inference"] = (accuracies, (g, d, real, z))
    for i in range(rule.d_steps):
        number = f" {i + 1}" if rule.d_steps > 1 else ""
        if fresh or rule.order == "d_first":
            step[f"fakes for D{number}"] = (make, (g, z))
        step[f"update of D{number}"] = (lambda *args: steps.update_d(gan, *args, ALWAYS), (d, real, fake, key, other))
    step["update of G"] = (lambda *args: steps.update_g(gan, *args, ALWAYS), (g, d, z, real, [key, other]))
    step["average of G"] = (ema.average, (0.001, state.ema, g.variables))
    details: Pieces = {
        "G forward": (make, (g, z)),
        "D forward": (score, (d, real, key)),
        "D forward without dropout": (score, (d, real, None)),
        "optimiser of G": (optimise, (g, g.params)),
        "optimiser of D": (optimise, (d, d.params)),
    }
    return step, details


if __name__ == "__main__":
    main()
