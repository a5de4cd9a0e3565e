"""How well `jaxgan.invert` finds latents: of generated digits, and of test digits of MNIST.

    python tests/benchmarks/inversion.py --generated=200 --real=1000

Digits keep their class where the bundled classifier of digits sees the right one in the reconstruction. Times are those
of the processor, which other programs on the machine do not lengthen; on two idle cores a call takes half of them.
"""

from __future__ import annotations

import argparse
import time

import jax
import jax.numpy as jnp
import numpy as np

import jaxgan
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.metrics.features.digits import load_digits


def main() -> None:
    """Print a row for generated digits, and one for real digits."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", default="mnist", help="what jaxgan.load takes")
    parser.add_argument("--generated", type=int, default=200)
    parser.add_argument("--real", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    params = jaxgan.load(args.workdir)
    classes = None if params.num_classes is None else jnp.arange(args.generated) % params.num_classes
    made = jaxgan.sample(params, jax.random.key(7), num=args.generated, labels=classes)
    test = open_mnist("test")
    for name, images, labels in (("generated", made, None), ("real", test.images[: args.real], test.labels)):
        began = time.process_time()
        found = jaxgan.invert(params, images, jax.random.key(0), starts=args.starts, steps=args.steps)
        jax.block_until_ready(found)
        seconds = (time.process_time() - began) / len(images)
        psnr = 10 * np.log10(4 / np.asarray(found.distances))
        told = f"PSNR 5 % {np.quantile(psnr, 0.05):.1f}, median {np.median(psnr):.1f} dB"
        told += f", over 30: {(psnr > 30).mean():.1%}"
        if labels is not None:
            logits = load_digits().features_and_logits(np.asarray(jaxgan.to_uint8(found.images)))[1]
            told += f", class kept {(logits.argmax(1) == labels[: len(images)]).mean():.1%}"
            if found.labels is not None:
                told += f", label found {(np.asarray(found.labels) == labels[: len(images)]).mean():.1%}"
        length = np.sqrt(np.square(np.asarray(found.latents)).reshape(len(images), -1).mean(1))
        told += f", |z| {np.median(length):.2f} sqrt(Z), {seconds:.2f} s of one core an image"
        print(f"{name} ({len(images)}): {told}", flush=True)


if __name__ == "__main__":
    main()
