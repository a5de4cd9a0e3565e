"""Print what bounds a training step: its products at the rate of products, its bytes at the rate of memory.

    python tests/benchmarks/roofline.py
    python tests/benchmarks/roofline.py --systems=dcgan64 --repeats=20

Products and bytes are XLA's own count of the compiled step. Bytes are those that its operations read and write: an
array that a cache still holds counts, too, so the time for them is an upper bound and not a floor. Both rates are
measured here. Wants an otherwise idle machine.
"""

from __future__ import annotations

import argparse
import statistics

from workers import JaxWorker, Remote, least_time

SYSTEMS = "gan_mlp,dcgan,acgan,dcgan64,dcgan_z1x1,dcgan_robust"


class Roofline(JaxWorker):
    """A worker that also counts."""

    def count(self) -> tuple[float, float]:
        """Return the operations of a step and the bytes that they touch."""
        program = self.call.compile(self.state, self._next()).result()
        costs = program.cost_analysis()
        costs = costs[0] if isinstance(costs, list) else costs
        return costs["flops"], costs["bytes accessed"]

    def bandwidth(self) -> float:
        """Return the rate of memory in bytes a second: a large array read and another written, the best of several."""
        from jaxgan.base import machine

        jnp, size = self.jax.numpy, 2**26
        x = jnp.ones(size, jnp.float32)
        copy = self.jax.jit(lambda x: x + 1, compiler_options=machine.compiler_options())
        return 8 * size / least_time(lambda: copy(x).block_until_ready())

    def _next(self):
        (_, _), batch = next(self.stream)
        return batch


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--systems", default=SYSTEMS, help="comma-separated; all")
    parser.add_argument("--repeats", type=int, default=10, help="steps that are timed; 10")
    args = parser.parse_args()
    print(
        "| system | GFLOP | GB | ms for the products | ms for the bytes | measured, ms | of it products | of it bytes |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for system in args.systems.split(","):
        # Steps in a loop would be counted once, whatever their number.
        worker = Remote(Roofline, system, 0, "cpu", "float32", {"train.steps_per_call": 1})
        worker.compile()
        flops, traffic = worker.count()
        rate, bandwidth = worker.product_rate(), worker.bandwidth()
        step = statistics.median(worker.run(1) for _ in range(args.repeats))
        products, moves = flops / rate, traffic / bandwidth
        figures = (
            f"{flops / 1e9:.2f} | {traffic / 1e9:.2f} | {1e3 * products:.1f} | {1e3 * moves:.1f} | {1e3 * step:.1f}"
        )
        print(f"| {system} | {figures} | {products / step:.0%} | {moves / step:.0%} |", flush=True)
        print(f"  ({rate / 1e9:.0f} GFLOP/s, {bandwidth / 1e9:.1f} GB/s)", flush=True)
        worker.close()


if __name__ == "__main__":
    main()
