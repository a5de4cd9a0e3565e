"""The classifier of MNIST digits that comes with the package, and what is made of it.

`python -m jaxgan.metrics.features.digits FILE.npz` trains it again and prints its accuracy.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.resources
import sys

import jax.numpy as jnp

from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, PyTree
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.metrics.features import trained
from jaxgan.metrics.features.classifier import NUM_FEATURES, classify, train_classifier
from jaxgan.metrics.features.network import FeatureNet, compiled, of_classifier

FILE = "digits.npz"
SHA256 = "10312b32f3733654da4dcf89cabbf031d2012d0c06479cc31355e7a697d2e013"
SIZE = 28


@functools.cache
def load_digits() -> FeatureNet:
    """Return the features behind `fd_mnist`: 64 numbers of a classifier of 28x28 digits.

    It was trained on the 60,000 training images; `about` holds its accuracy on the 10,000 test images.

    Raises:
      ValueError: the file in the package is damaged.
    """
    params, facts = _read()
    about = f"{NUM_FEATURES} features of a classifier of MNIST digits, right on {facts['accuracy']:.2%} of the test set"
    return of_classifier("mnist", SHA256[:16], params, (SIZE, SIZE, 1), about)


@functools.cache
def stacked_digits(image_size: int) -> FeatureNet:
    """Return the features of stacked MNIST: those of the three channels one after another, 1,000 classes.

    Class 100 a + 10 b + c is digit a in the first channel, b in the second, c in the third.

    Args:
      image_size: 28, or more where the digits are padded all around; the padding is cut off.
    """
    if image_size < SIZE or image_size % 2:
        raise UserError(f"image_size is {image_size}; stacked digits have {SIZE} pixels, or more by an even number.")
    params, facts = _read()
    about = (
        f"{3 * NUM_FEATURES} features of a classifier of MNIST digits, seen in each channel, "
        f"right on {facts['accuracy']:.2%} of the single digits of the test set"
    )
    apply = compiled(_see_channels, params)
    shape = (image_size, image_size, 3)
    return FeatureNet("stacked_mnist", SHA256[:16], 3 * NUM_FEATURES, 1000, shape, about, apply)


def _see_channels(params: PyTree, images: Array) -> tuple[Array, Array]:
    edge = (images.shape[1] - SIZE) // 2
    inner = images[:, edge : edge + SIZE, edge : edge + SIZE]
    seen = [classify(params, inner[..., i : i + 1]) for i in range(3)]
    features = jnp.concatenate([features for features, _ in seen], axis=1)
    first, second, third = (logits for _, logits in seen)
    logits = first[:, :, None, None] + second[:, None, :, None] + third[:, None, None, :]
    return features, logits.reshape(len(images), -1)


@functools.cache
def _read() -> tuple[PyTree, dict]:
    path = importlib.resources.files("jaxgan.metrics.features").joinpath("weights", FILE)
    with importlib.resources.as_file(path) as file:
        content = file.read_bytes() if file.is_file() else b""
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise UserError(f"The digit classifier {FILE} is damaged, by its SHA-256; install jaxgan again.")
        return trained.read(file)


def main(path: str = FILE) -> None:
    """Train the classifier on the embedded training images, and write it to a file."""
    train, test = open_mnist("train"), open_mnist("test")
    params = train_classifier(train.images, train.labels, 10, on_step=_say)
    accuracy = trained.accuracy(params, test.images, test.labels)
    trained.write(path, params, {"accuracy": accuracy, "num_classes": 10, "image_shape": [SIZE, SIZE, 1]})
    with open(path, "rb") as file:
        print(f"accuracy {accuracy:.4f} on the test set, SHA-256 {hashlib.sha256(file.read()).hexdigest()}")


def _say(step: int, loss: Array) -> None:
    if step % 500 == 0:
        print(f"step {step}: loss {float(loss):.4f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
