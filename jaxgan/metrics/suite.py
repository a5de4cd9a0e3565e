"""All measures of a set of images at once, as they stand in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Map
from jaxgan.metrics.features.network import FeatureNet
from jaxgan.metrics.reference import Reference, check_scored, create_reference
from jaxgan.metrics.registry import NEEDS, Given, measures


class Floor(NamedTuple):
    """What real images score.

    Attributes:
      compared: which real images were compared with which, in words.
      scores: as from `score`.
    """

    compared: str
    scores: dict[str, float]


def score(
    images: np.ndarray,
    labels: np.ndarray | None,
    reference: Reference,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
    over: Map = map,
) -> dict[str, float]:
    """Measure images against real ones.

    Args:
      images: uint8[N, H, W, C].
      labels: int[N], the classes that a conditional generator was asked for, float[N, L], label vectors, or None.
      reference: of the real images.
      names: of measures; all that can be computed where it is None. `('fd', 'class_entropy')` is quick.
      seed: of what is drawn; the same arguments give the same figures.
      over: see `FeatureNet.features_and_logits`.

    Returns:
      Figures by name: `fd_mnist` or the like, `kid` and `kid_se`, `precision`, `recall`, `density`, `coverage`,
      `classifier_score` and `classifier_score_std`, `class_accuracy`, `class_entropy`, `class_kl`, `class_chi_square`,
      `modes`, `modes_3` and `mode_kl`, `attributes_right`, `right/NAME`, `error/NAME`, `nearest`, `swd`.

    Raises:
      UserError: an unknown measure, one that lacks what it needs, too few images, or features that are not finite.
    """
    check_scored(images, labels)
    if images.shape[1:] != reference.images.shape[1:]:
        raise UserError(f"images have shape {images.shape[1:]}; expected {reference.images.shape[1:]}, the data's.")
    net, labels = reference.net, seen_by(reference.net, labels)
    labelled = labels is not None
    wanted = available(net, labelled) if names is None else list(names)
    check(wanted, net, labelled)
    for name in wanted:
        checks.in_range("The number of images", min(len(images), len(reference.images)), measures()[name].least)
    features, logits = None, None
    if net is not None and any(measures()[name].needs for name in wanted):
        features, logits = net.features_and_logits(images, over=over)
    given = Given(images, labels, features, logits, reference, seed)
    return {figure: value for name in wanted for figure, value in measures()[name].compute(given).items()}


def seen_by(net: FeatureNet | None, labels: np.ndarray | None) -> np.ndarray | None:
    """Return labels, or None where they are not what a network predicts of images: classes, or vectors."""
    tells_vectors = net is not None and net.label_size > 0
    return labels if labels is not None and (labels.ndim == 2) == tells_vectors else None


def available(net: FeatureNet | None, labelled: bool) -> list[str]:
    """Return the names of the measures that can be computed.

    Args:
      net: where features come from, or None.
      labelled: whether classes are asked for.
    """
    return [name for name, one in measures().items() if all(_has(net, labelled, need) for need in one.needs)]


def check(names: Sequence[str], net: FeatureNet | None, labelled: bool) -> None:
    """Raise UserError unless these measures can be computed; arguments as for `available`."""
    for name in names:
        checks.one_of("A measure", name, measures())
        lacking = [need for need in measures()[name].needs if not _has(net, labelled, need)]
        if lacking:
            raise UserError(f"the measure {name!r} needs {NEEDS[lacking[0]]}; leave it out, or give that.")


def _has(net: FeatureNet | None, labelled: bool, need: str) -> bool:
    return {
        "features": net is not None,
        "logits": net is not None and net.num_classes is not None,
        "labels": labelled,
        "attributes": labelled and net is not None and net.label_size > 0,
        "modes": net is not None and net.name == "stacked_mnist",
    }[need]


def check_numbers(names: Sequence[str], num_real: int, num_held_out: int | None) -> None:
    """Raise UserError where there are too few real images for `floor`.

    Args:
      names: of the measures.
      num_real: images of the reference.
      num_held_out: held-out images, or None: then half of the others are scored.
    """
    least, name = max((measures()[name].least, name) for name in names)
    needed = 2 * least if num_held_out is None else least
    found = num_real if num_held_out is None else min(num_real, num_held_out)
    if found < needed:
        raise UserError(
            f"the data have {found} images to score others against, but the measure {name!r} takes {needed} or more; "
            "give more images, name other measures (config.eval.metrics), or do not score (config.eval.every=0)."
        )


def floor(reference: Reference, num: int, *, names: Sequence[str] | None = None, seed: int = 0) -> Floor:
    """Score real images: what no generator can be expected to beat at this number of images.

    Held-out images are measured against the reference where there are any. Otherwise the reference's own are split
    at random: one half, or `num` of it, is measured against the other. That half has fewer images than the reference,
    so figures that fall with the number of images come out too high.

    Args:
      reference: of the real images.
      num: images to score, fewer where there are not as many.
      names: as for `score`.
      seed: of what is drawn.

    Raises:
      UserError: as `score` does.
    """
    rng = np.random.default_rng(seed)
    if reference.held_out is not None:
        (images, labels), against = reference.held_out, reference
        rows = rng.permutation(len(images))[:num]
        compared = f"{len(rows)} held-out images against {len(reference.images)} training images"
    else:
        images, labels = reference.images, reference.labels
        order = rng.permutation(len(images))
        half = len(images) // 2
        rows, rest = order[:half][:num], order[half:]
        against = create_reference(images[rest], None, reference.net)
        compared = f"{len(rows)} training images against {len(rest)} others"
    labels = None if labels is None else labels[rows]
    return Floor(compared, score(images[rows], labels, against, names=names, seed=seed))
