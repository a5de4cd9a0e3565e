"""Classifiers of your own labelled images, kept on disk by the digest of the data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
from flax import traverse_util

from jaxgan.base import checks, digests, store
from jaxgan.base.types import DataInfo, PyTree
from jaxgan.metrics.classes import class_accuracy
from jaxgan.metrics.features import attributes
from jaxgan.metrics.features.classifier import NUM_FEATURES, check_labelled, classify, train_classifier
from jaxgan.metrics.features.network import CHUNK, FeatureNet, compiled, of_classifier

Pair = tuple[np.ndarray, np.ndarray]  # images and labels

# Held back to measure the accuracy where there are no images for that.
HELD_BACK = 0.1


def data_digest(images: np.ndarray, labels: np.ndarray) -> str:
    """Return the digest by which the classifier of a data set is found.

    Args:
      images: uint8[N, H, W, C].
      labels: int[N], or float[N, L] vectors.
    """
    return digests.array_digest(images, labels.astype(np.int32 if labels.ndim == 1 else np.float32))


def classifier_path(digest: str) -> Path:
    """Return the file of a data set's classifier, in the cache."""
    return store.cache_folder() / "features" / f"{digest}.npz"


def find(digest: str, name: str) -> FeatureNet | None:
    """Return the features of the classifier that `fit` trained on a data set, or None where it has not been.

    Args:
      digest: from `data_digest`.
      name: of the distance, `fd_<name>`.

    Raises:
      ValueError: the file is damaged.
    """
    path = classifier_path(digest)
    if not path.is_file():
        return None
    return _as_features(name, *read(path))


def _as_features(name: str, params: PyTree, facts: dict[str, Any]) -> FeatureNet:
    if "label_size" in facts:
        return attributes.as_features(name, params, facts)
    num_classes, height, width, channels = facts["num_classes"], *facts["image_shape"]
    about = (
        f"{NUM_FEATURES} features of a classifier of {num_classes} classes, "
        f"right on {facts['accuracy']:.2%} of {facts['num_tested']:,} images it was not trained on"
    )
    return of_classifier(name, digests.array_digest(*jax.tree.leaves(params)), params, (height, width, channels), about)


def fit(
    images: np.ndarray,
    labels: np.ndarray,
    info: DataInfo,
    name: str,
    *,
    held_out: Pair | None = None,
    **how: Any,
) -> FeatureNet:
    """Train a classifier of a data set, score it, write it down for `find`, and return its features.

    Args:
      images: uint8[N, H, W, C].
      labels: int[N] in 0..K-1, or label vectors float[N, L].
      info: of the data set.
      name: of the distance, `fd_<name>`.
      held_out: images and labels to score it with; a tenth of the others, then left out of the training, where it is
        None.
      how: `num_steps` and `on_step` of `train_network`.
    """
    facts: dict[str, Any] = {"image_shape": list(images.shape[1:])}
    if not info.label_size:
        facts["num_classes"] = info.num_classes or 0
        check_labelled(images, labels, facts["num_classes"])
    train, test = _split(images, labels, held_out)
    facts["num_tested"] = len(test[0])
    if info.label_size:
        names = list(info.label_names) or list(map(str, range(info.label_size)))
        facts |= {**attributes.kinds_of(labels), "label_size": info.label_size, "label_names": names}
        params = attributes.train_attributes(*train, facts, **how)
        facts["scores"] = attributes.held_out_scores(params, facts, *test)
    else:
        params = train_classifier(*train, facts["num_classes"], **how)
        facts["accuracy"] = accuracy(params, *test)
    write(classifier_path(data_digest(images, labels)), params, facts)
    return _as_features(name, params, facts)


def _split(images: np.ndarray, labels: np.ndarray, held_out: Pair | None) -> tuple[Pair, Pair]:
    """Return images to train on and images to test with, with their labels."""
    if held_out is not None:
        return (images, labels), held_out
    checks.in_range("The number of images", len(images), 2)
    order = np.random.default_rng(0).permutation(len(images))
    test, train = np.split(order, [max(1, round(HELD_BACK * len(images)))])
    return (images[train], labels[train]), (images[test], labels[test])


def accuracy(params: PyTree, images: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of images uint8[N, H, W, C] whose class, of labels int[N], the classifier sees."""
    see = compiled(classify, params)
    chunks = [see(images[start : start + CHUNK])[1] for start in range(0, len(images), CHUNK)]
    return class_accuracy(np.concatenate(chunks), labels)


def write(path: str | os.PathLike[str], params: PyTree, facts: dict[str, Any]) -> None:
    """Write the parameters of a classifier as float16, and facts about it."""
    flat = traverse_util.flatten_dict(params, sep="/")
    store.save(path, {name: np.asarray(value, np.float16) for name, value in flat.items()}, facts)


def read(path: str | os.PathLike[str]) -> tuple[PyTree, dict[str, Any]]:
    """Read what `write` wrote, the parameters as float32."""
    flat, facts = store.load(path)
    return traverse_util.unflatten_dict({k: v.astype(np.float32) for k, v in flat.items()}, sep="/"), facts
