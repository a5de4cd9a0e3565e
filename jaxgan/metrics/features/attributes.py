"""A network that predicts label vectors from images: yes or no, one of several, or how much."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxgan.base import digests
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, PyTree
from jaxgan.metrics.attributes import attribute_scores
from jaxgan.metrics.features.classifier import NUM_FEATURES, classify, train_network
from jaxgan.metrics.features.network import CHUNK, FeatureNet, compiled

YES_OR_NO = ({0.0, 1.0}, {-1.0, 1.0})  # values of a number that is told by a sign
MOST_IN_TEXT = 8  # attributes whose accuracy the description of a network names

Facts = dict[str, Any]


def kinds_of(labels: np.ndarray) -> Facts:
    """Return {is_binary, mean, std} of the numbers of label vectors float32[N, L], a list each."""
    is_binary = [any({*map(float, np.unique(column)[:3])} <= values for values in YES_OR_NO) for column in labels.T]
    mean, std = labels.mean(0, dtype=np.float64), labels.std(0, dtype=np.float64)
    return {"is_binary": is_binary, "mean": mean.tolist(), "std": np.where(std > 0, std, 1.0).tolist()}


def train_attributes(images: np.ndarray, labels: np.ndarray, facts: Facts, **how: Any) -> PyTree:
    """Train a `Classifier` whose logits tell label vectors; see `train_classifier`.

    The loss is the mean over the numbers of a vector: logistic where it is yes or no, else the squared error over the
    variance.

    Args:
      images: uint8[N, H, W, C].
      labels: float[N, L].
      facts: from `kinds_of` of all labels.
      how: `num_steps` and `on_step` of `train_network`.
    """
    if labels.ndim != 2 or len(labels) != len(images):
        raise UserError(f"labels have shape {labels.shape}; expected ({len(images)}, L), a vector for each image.")
    is_binary = jnp.asarray(facts["is_binary"])[None]
    mean, std = (np.asarray(facts[name], np.float32)[None] for name in ("mean", "std"))

    def loss_of(logits: Array, labels: Array) -> Array:
        yes = optax.sigmoid_binary_cross_entropy(logits, (labels > 0).astype(jnp.float32))
        return jnp.where(is_binary, yes, jnp.square(logits - (labels - mean) / std)).mean()

    return train_network(images, labels.astype(np.float32), labels.shape[1], loss_of, **how)


def see(params: PyTree, images: Array | np.ndarray, facts: Facts) -> tuple[Array, Array]:
    """Return features, and of each number its logit where it is yes or no, else its value."""
    features, logits = classify(params, images)
    mean, std = (jnp.asarray(facts[name], jnp.float32)[None] for name in ("mean", "std"))
    return features, jnp.where(jnp.asarray(facts["is_binary"])[None], logits, mean + std * logits)


def held_out_scores(params: PyTree, facts: Facts, images: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return what the network scores on real images: `attribute_scores`."""
    net = compiled(lambda variables, some: see(variables, some, facts)[1], params)
    told = np.concatenate([net(images[start : start + CHUNK]) for start in range(0, len(images), CHUNK)])
    return attribute_scores(told, labels, facts["label_names"], facts["is_binary"])


def as_features(name: str, params: PyTree, facts: Facts) -> FeatureNet:
    """Return the network as features; the arguments are those of `FeatureNet` and what `trained` keeps."""
    names, size = tuple(facts["label_names"]), facts["label_size"]
    own = ", ".join(f"{figure} {value:.4g}" for figure, value in [*facts["scores"].items()][:MOST_IN_TEXT])
    about = (
        f"{NUM_FEATURES} features of a network that predicts {size} numbers of a label; on {facts['num_tested']:,} "
        f"real images it was not trained on: {own}"
    )
    labels = {"label_size": size, "label_names": names, "is_binary": tuple(facts["is_binary"])}
    digest, shape = digests.array_digest(*jax.tree.leaves(params)), (*facts["image_shape"],)
    apply = compiled(lambda variables, images: see(variables, images, facts), params)
    return FeatureNet(name, digest, NUM_FEATURES, None, shape, about, apply, **labels)  # type: ignore[arg-type]
