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

BLOCK = 192  # images between two lines, three batches of `invert`


def measure(params, images, labels, how) -> None:
    """Invert images block by block, and print a line of all so far after each."""
    rows = []
    for at in range(0, len(images), BLOCK):
        block, right = images[at : at + BLOCK], labels[at : at + BLOCK]
        began = time.process_time()
        found = jaxgan.invert(params, block, jax.random.key(0), **how)
        jax.block_until_ready(found)
        seconds = (time.process_time() - began) / len(block)
        seen = load_digits().features_and_logits(np.asarray(jaxgan.to_uint8(found.images)))[1].argmax(1)
        told = right if found.labels is None else found.labels
        length = np.sqrt(np.square(found.latents).reshape(len(block), -1).mean(1))
        psnr = 10 * np.log10(4 / np.asarray(found.distances))
        rows += zip(psnr, seen == right, told == right, length, [seconds] * len(block), strict=True)
        psnr, kept, told, length, seconds = np.asarray(rows, float).T
        print(
            f"{len(rows)} images: PSNR 5 % {np.quantile(psnr, 0.05):.1f}, median {np.median(psnr):.1f} dB, over 30 "
            f"{(psnr > 30).mean():.1%}; class kept {kept.mean():.1%}; label found {told.mean():.1%}; |z| "
            f"{np.median(length):.2f} sqrt(Z); {seconds.mean():.2f} s of one core an image",
            flush=True,
        )


def main() -> None:
    """Measure generated digits, then real ones."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workdir", default="mnist", help="what jaxgan.load takes")
    parser.add_argument("--generated", type=int, default=200)
    parser.add_argument("--real", type=int, default=1000)
    parser.add_argument("--starts", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200)
    args = parser.parse_args()
    params, how = jaxgan.load(args.workdir), {"starts": args.starts, "steps": args.steps}
    if args.generated:
        classes = None if params.num_classes is None else jnp.arange(args.generated) % params.num_classes
        made = jaxgan.sample(params, jax.random.key(7), num=args.generated, labels=classes)
        seen = load_digits().features_and_logits(np.asarray(jaxgan.to_uint8(made)))[1].argmax(1)
        print("generated digits")
        measure(params, made, seen if classes is None else np.asarray(classes), how)
    test = open_mnist("test")
    print("test digits")
    measure(params, test.images[: args.real], test.labels[: args.real], how)


if __name__ == "__main__":
    main()
