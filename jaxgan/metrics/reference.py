"""Statistics of the real images that measures compare with, computed once and kept on disk."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxgan.base import digests, store, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import to_bytes
from jaxgan.base.types import Source
from jaxgan.metrics import swd
from jaxgan.metrics.classes import predicted
from jaxgan.metrics.distances import nearest_distances
from jaxgan.metrics.features.network import FeatureNet, from_function
from jaxgan.metrics.moments import Moments, moments

# Real images, drawn at random, whose features and projections are kept one by one. Moments and classes are of all.
NUM_KEPT = 10_000
MANY = 100  # images from which on it is said that features are computed; compiling the network takes seconds, too
# Changes with what is computed, so that older files are not taken for newer ones.
VERSION = 1

Images = tuple[np.ndarray, np.ndarray | None]


@dataclasses.dataclass(frozen=True)
class Reference:
    """Real images, and their statistics.

    Attributes:
      images: uint8[N, H, W, C].
      labels: int[N], or None.
      held_out: real images that the generator does not train on, with labels or None; or None.
      net: where features come from, or None for measures of pixels alone.
      moments: of the features of all images, or None.
      features: float32[M, D] of M images drawn at random, or None.
      class_counts: int64[K], which classes the network sees in all images, or None.
      projections: float32[M, P] of the same M images, see `swd.project`.
    """

    images: np.ndarray
    labels: np.ndarray | None
    held_out: Images | None
    net: FeatureNet | None
    moments: Moments | None
    features: np.ndarray | None
    class_counts: np.ndarray | None
    projections: np.ndarray

    @functools.cached_property
    def nearest_others(self) -> np.ndarray:
        """Distance of the features of each of the M images to the nearest other ones, float64[M]."""
        assert self.features is not None
        return nearest_distances(self.features)


def check_scored(images: np.ndarray, labels: np.ndarray | None) -> None:
    """Raise UserError unless these are images uint8[N, H, W, C] and labels of each, classes or vectors, or None."""
    shape, dtype = np.shape(images), getattr(images, "dtype", type(images).__name__)
    if dtype != np.uint8 or len(shape) != 4 or not shape[0]:
        raise UserError(
            f"images are {dtype}{list(shape)}; expected uint8[N, H, W, C], N > 0, as jaxgan.to_uint8 makes them."
        )
    given = np.asarray([] if labels is None else labels)
    is_right = given.shape[:1] == shape[:1] and given.dtype.kind in ("iu" if given.ndim == 1 else "f")
    if labels is not None and not (is_right and given.ndim < 3 and (given.ndim == 2 or given.min() >= 0)):
        raise UserError(
            f"labels are {given.dtype}{list(given.shape)}; expected classes int[{shape[0]}] from 0 on, or vectors "
            f"float[{shape[0]}, L]."
        )


def create_reference(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    net: FeatureNet | Callable[[np.ndarray], np.ndarray] | None = None,
    *,
    held_out: Images | None = None,
) -> Reference:
    """Compute a reference. `cached_reference` reads it from disk where it can.

    Args:
      images: uint8[N, H, W, C], the images that a generator trains on.
      labels: int[N], or None.
      net: where features come from, or a function of your own (uint8[N, H, W, C] -> float[N, D]); without it there are
        the measures of pixels.
      held_out: other real images and their labels or None, for `suite.floor`.
    """
    for some, their in filter(None, [(images, labels), held_out]):
        check_scored(some, their)
    if net is not None and not isinstance(net, FeatureNet):
        net = from_function(net, images.shape[1:])
    return Reference(images, labels, held_out, net, **_statistics(_compute(images, net)))


def cached_reference(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    net: FeatureNet | None = None,
    *,
    held_out: Images | None = None,
) -> Reference:
    """Return `create_reference`, from a file in the cache where the same images and network were seen previously.

    A damaged file is replaced. Nothing is written if the network's digest is unknown, or the disk refuses.
    """
    if net is not None and not net.digest:
        return create_reference(images, labels, net, held_out=held_out)
    path = store.cache_folder() / "references" / f"{_digest(images, net)}.npz"
    try:
        arrays = store.load(path)[0]
    except (OSError, UserError):
        if net is not None and len(images) >= MANY:
            terminal.say(f"computing the features of {len(images):,} real images, which are kept for later runs")
        arrays = _compute(images, net)
        with contextlib.suppress(OSError):
            store.save(path, arrays, {})
    return Reference(images, labels, held_out, net, **_statistics(arrays))


def images_of(source: Source, most: int = 100_000, seed: int = 0) -> Images:
    """Read all images of a source, or `most` of them drawn at random where it has more; and labels if it has any.

    Returns:
      uint8[N, H, W, C] (pixels with levels are rounded to 8 bits), and int32[N] classes, float32[N, L] vectors or None.
    """
    num = source.info.num_images
    rows = np.arange(num) if num <= most else np.sort(np.random.default_rng(seed).choice(num, most, replace=False))
    if not num:
        raise UserError("the data set has no images; expected at least one.")
    images, labels = source.read(rows)
    return to_bytes(images), labels if source.info.has_labels else None


def _compute(images: np.ndarray, net: FeatureNet | None) -> dict[str, np.ndarray]:
    kept = np.random.default_rng(0).permutation(len(images))[:NUM_KEPT]
    # In the data's order: on some processors a product's rounding depends on which row it is of.
    arrays = {"projections": swd.project(swd.pixels(images[np.sort(kept)]))}
    if net is None:
        return arrays
    features, logits = net.features_and_logits(images)
    fitted = moments(features)
    arrays |= {"features": features[kept], "num": np.array(fitted.num), "mean": fitted.mean, "cov": fitted.cov}
    if logits is not None:
        arrays["class_counts"] = predicted(logits)
    return arrays


def _statistics(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    fitted = Moments(int(arrays["num"]), arrays["mean"], arrays["cov"]) if "mean" in arrays else None
    return {"moments": fitted} | {name: arrays.get(name) for name in ("features", "class_counts", "projections")}


def _digest(images: np.ndarray, net: FeatureNet | None) -> str:
    return digests.array_digest(str(VERSION), net.digest if net else "pixels", images)
