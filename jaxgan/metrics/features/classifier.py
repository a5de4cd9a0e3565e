"""A small classifier of images, whose last hidden layer is a feature space."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.base import machine
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, PyTree
from jaxgan.data.order.plan import IndexPlan
from jaxgan.nets.conv import Conv

WIDTHS = (32, 64, 96)  # channels of the three resolutions
NUM_FEATURES = 64
LEAK = 0.1  # slope of a feature below 0
INIT = nn.initializers.he_normal()

NUM_STEPS = 6_000
BATCH_SIZE = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.01
WARMUP = 0.05  # share of the steps
SHIFT = 0.08  # images are moved by up to this share of their height and width


class Classifier(nn.Module):
    """Five convolutions and two dense layers.

    The stride of the first one leaves no side of more than 16 pixels, so that any size of image takes as long.

    Attributes:
      num_classes: K.
    """

    num_classes: int

    @nn.compact
    def __call__(self, images: Array) -> tuple[Array, Array]:
        """Return features and logits.

        Args:
          images: uint8[B, H, W, C].

        Returns:
          float32[B, NUM_FEATURES] and float32[B, K].
        """
        x = images.astype(jnp.float32) / 255
        first, second, third = WIDTHS
        x = _layer(x, first, first_stride(max(images.shape[1:3])), 5)
        x = _layer(x, first)
        x = _layer(x, second, 2)
        x = _layer(x, second)
        x = _layer(x, third, 2)
        x = x.reshape(len(x), -1)
        # With plain ReLU one feature in six is soon 0 for all images, and stays so.
        features = nn.leaky_relu(nn.Dense(NUM_FEATURES, kernel_init=INIT)(x), LEAK)
        return features, nn.Dense(self.num_classes)(features)


def _layer(x: Array, width: int, stride: int = 1, size: int = 3) -> Array:
    return nn.relu(Conv(width, size, stride, kernel_init=INIT)(x))


def first_stride(side: int) -> int:
    """Return the smallest power of two above 1 that brings a side to 16 pixels or fewer."""
    stride = 2
    while side > 16 * stride:
        stride *= 2
    return stride


def classify(params: PyTree, images: Array | np.ndarray) -> tuple[Array, Array]:
    """Return the features and logits of images, by a `Classifier` with these parameters."""
    num_classes = params["Dense_1"]["bias"].shape[0]
    outputs: Any = Classifier(num_classes).apply({"params": params}, images)
    return outputs


def train_classifier(images: np.ndarray, labels: np.ndarray, num_classes: int, seed: int = 0, **how: Any) -> PyTree:
    """Train a `Classifier` by the cross-entropy; the same arguments give the same parameters.

    Args:
      images: uint8[N, H, W, C].
      labels: int[N] in 0..K-1.
      num_classes: K, at least 2.
      seed: of the first parameters, the order of the images and their moves.
      how: `num_steps` and `on_step` of `train_network`.

    Returns:
      The parameters, a tree of float32 NumPy arrays, rounded so that float16 holds them.

    Raises:
      ValueError: images and labels that do not fit.
    """
    check_labelled(images, labels, num_classes)

    def loss_of(logits: Array, labels: Array) -> Array:
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    return train_network(images, labels.astype(np.int32), num_classes, loss_of, seed, **how)


def train_network(
    images: np.ndarray,
    labels: np.ndarray,
    num_outputs: int,
    loss_of: Callable[[Array, Array], Array],
    seed: int = 0,
    *,
    num_steps: int = NUM_STEPS,
    on_step: Callable[[int, Array], None] = lambda step, loss: None,
) -> PyTree:
    """Train a `Classifier` on images moved by a few pixels, by a loss of logits float32[B, num_outputs] and labels.

    AdamW; the rate rises linearly, then falls to 0 as half a cosine.

    Args:
      images: uint8[N, H, W, C].
      labels: of them, an array of N rows.
      num_outputs: numbers in the logits of an image.
      loss_of: float32[] of logits and labels.
      seed: see `train_classifier`, as for what is returned.
      num_steps: batches of 128 images, or of all where there are fewer.
      on_step: called with the number of steps made and the loss float32[], for progress.
    """
    warmup = max(1, round(WARMUP * num_steps))
    rate = optax.warmup_cosine_decay_schedule(0.0, LEARNING_RATE, warmup, max(num_steps, warmup + 1))
    optimiser = optax.adamw(rate, weight_decay=WEIGHT_DECAY)

    @functools.partial(jax.jit, donate_argnums=(0, 1), compiler_options=machine.compiler_options())
    def step(params, state, images, labels):
        loss, grads = jax.value_and_grad(lambda params: loss_of(classify(params, images)[1], labels))(params)
        updates, state = optimiser.update(grads, state, params)
        return optax.apply_updates(params, updates), state, loss

    plan = IndexPlan(seed, len(images), min(BATCH_SIZE, len(images)))
    params = jax.jit(Classifier(num_outputs).init)(jax.random.key(seed), images[:1])["params"]
    state = optimiser.init(params)
    for i in range(num_steps):
        rows = plan.indices(i, 1)[0]
        params, state, loss = step(params, state, moved(images[rows], seed, i), labels[rows])
        on_step(i + 1, loss)
    return jax.tree.map(lambda x: np.asarray(x, np.float16).astype(np.float32), params)


def moved(images: np.ndarray, seed: int, step: int) -> np.ndarray:
    """Move each image by a few pixels of its own, repeating the pixels at the edges."""
    rng = np.random.Generator(np.random.Philox(key=np.array([seed % 2**64, step], np.uint64)))
    places = []
    for size in images.shape[1:3]:
        most = round(SHIFT * size)
        move = rng.integers(-most, most + 1, (len(images), 1))
        places.append(np.clip(move + np.arange(size), 0, size - 1))
    rows, columns = places
    return images[np.arange(len(images))[:, None, None], rows[:, :, None], columns[:, None, :]]


def check_labelled(images: np.ndarray, labels: np.ndarray, num_classes: int) -> None:
    """Raise ValueError unless these are images with a class each."""
    if images.ndim != 4 or images.dtype != np.uint8:
        raise UserError(f"images are {images.dtype}{list(images.shape)}; expected uint8[N, H, W, C].")
    if labels.shape != images.shape[:1]:
        raise UserError(f"labels have shape {labels.shape}; expected ({len(images)},), one for each image.")
    if num_classes < 2:
        raise UserError(
            "the images have one class only, but features are learned by telling classes apart; use data of "
            "several classes (a folder with a subfolder for each), or other features."
        )
    if len(labels) and not 0 <= labels.min() <= labels.max() < num_classes:
        raise UserError(f"labels reach from {labels.min()} to {labels.max()}; expected 0..{num_classes - 1}.")
