"""All measures of a set of images at once.

A measure is a function of `Images` to named figures, and an entry in `MEASURES`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Map
from jaxgan.metrics import classes, modes, swd
from jaxgan.metrics.classifier_score import score_logits
from jaxgan.metrics.frechet import frechet_distance, frechet_floor, moments
from jaxgan.metrics.kid import kernel_distance
from jaxgan.metrics.neighbours import nearest_images
from jaxgan.metrics.prdc import expected_coverage, neighbour_scores
from jaxgan.metrics.reference import Reference, create_reference

# Drawn at random of the images and of the real ones, so that 10,000 images take seconds.
NUM_PRDC = 5_000
NUM_NEAREST = 1_000


T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Given:
    """What a measure may look at.

    Attributes:
      images: uint8[N, H, W, C].
      labels: int[N], the classes asked for, or None.
      features: float32[N, D] or None.
      logits: float32[N, K] or None.
      reference: the real images.
      seed: of whatever a measure draws.
    """

    images: np.ndarray
    labels: np.ndarray | None
    features: np.ndarray | None
    logits: np.ndarray | None
    reference: Reference
    seed: int


class Floor(NamedTuple):
    """What real images score.

    Attributes:
      protocol: which real images were compared with which.
      num: how many were scored.
      scores: as from `score`.
    """

    protocol: str
    num: int
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
      labels: int[N], the classes that a conditional generator was asked for, or None.
      reference: of the real images.
      names: keys of `MEASURES`; all that can be computed where it is None. `('fd', 'class_entropy')` is quick.
      seed: of what is drawn; the same arguments give the same figures.
      over: see `FeatureNet.features_and_logits`.

    Returns:
      Figures by name: `fd_mnist` or the like, `kid` and `kid_se`, `precision`, `recall`, `density`, `coverage`,
      `classifier_score` and `classifier_score_std`, `class_accuracy`, `class_entropy`, `class_kl`, `class_chi_square`,
      `modes`, `modes_3` and `mode_kl`, `nearest`, `swd`.

    Raises:
      ValueError: an unknown measure, or one that lacks what it needs.
    """
    if images.shape[1:] != reference.images.shape[1:]:
        raise UserError(f"images have shape {images.shape[1:]}; expected {reference.images.shape[1:]}, the data's.")
    wanted = available(reference, labels is not None) if names is None else list(names)
    check(wanted, reference, labels is not None)
    features, logits = None, None
    if reference.net is not None and any(MEASURES[name].needs for name in wanted):
        features, logits = reference.net.features_and_logits(images, over=over)
    given = Given(images, labels, features, logits, reference, seed)
    return {key: value for name in wanted for key, value in MEASURES[name].compute(given).items()}


def check(names: Sequence[str], reference: Reference, labelled: bool) -> None:
    """Raise UserError unless these measures can be computed; arguments as for `available`."""
    for name in names:
        checks.one_of("A measure", name, MEASURES)
        lacking = [need for need in MEASURES[name].needs if not _has(reference, labelled, need)]
        if lacking:
            raise UserError(f"the measure {name!r} needs {_NEEDS[lacking[0]]}; leave it out, or give that.")


def available(reference: Reference, labelled: bool) -> list[str]:
    """Return the names of the measures that can be computed; `labelled` where classes were asked for."""
    return [name for name, it in MEASURES.items() if all(_has(reference, labelled, need) for need in it.needs)]


def floor(reference: Reference, num: int, *, names: Sequence[str] | None = None, seed: int = 0) -> Floor:
    """Score real images: what no generator can be expected to beat at this number of images.

    Held-out images are measured against the reference where there are any. Otherwise the reference's own are split
    at random: one half, or `num` of it, is measured against the other, which has fewer images than the reference,
    so that what falls with their number comes out too high; `expected_floor` corrects for that.

    Args:
      reference: of the real images.
      num: images to score, fewer where there are not as many.
      names: as for `score`.
      seed: of what is drawn.
    """
    rng = np.random.default_rng(seed)
    if reference.held_out is not None:
        (images, labels), against = reference.held_out, reference
        rows = rng.permutation(len(images))[:num]
        protocol = f"{len(rows)} held-out images against {len(reference.images)} training images"
    else:
        images, labels = reference.images, reference.labels
        order = rng.permutation(len(images))
        half = len(images) // 2
        rows, rest = order[:half][:num], order[half:]
        against = create_reference(images[rest], None, reference.net)
        protocol = f"{len(rows)} training images against {len(rest)} others"
    labels = None if labels is None else labels[rows]
    return Floor(protocol, len(rows), score(images[rows], labels, against, names=names, seed=seed))


def expected_floor(reference: Reference, num: int) -> dict[str, float]:
    """Return what formulas say that `num` images of the data's own law score, on average.

    Args:
      reference: of the real images.
      num: N, large against the numbers of features and of classes.
    """
    real = len(reference.images)
    out = {"swd": swd.wasserstein_floor(reference.projections, len(reference.projections), num)}
    if reference.net is not None and reference.features is not None:
        both = min(NUM_PRDC, len(reference.features)), min(NUM_PRDC, num)
        out[reference.net.distance_name] = frechet_floor(reference.features, real, num)
        out |= {"kid": 0.0, "density": 1.0, "coverage": expected_coverage(*both)}
    if reference.class_counts is not None:
        degrees = len(reference.class_counts) - 1
        counted = degrees / 2 * (1 / num - 1 / real)
        if "modes" in available(reference, False):
            out["mode_kl"] = modes.mode_scores(reference.class_counts)["mode_kl"] + counted
        entropy = classes.class_entropy(reference.class_counts) - counted / np.log(degrees + 1)
        out |= {
            "class_entropy": float(entropy),
            "class_kl": degrees / 2 * (1 / num + 1 / real),
            "class_chi_square": float(degrees),
        }
    return out


def _some(given: Given, array: np.ndarray, num: int) -> np.ndarray:
    """Return `num` rows at random: images may come in the order of their classes."""
    return array[np.random.default_rng(given.seed).permutation(len(array))[:num]]


def _need(value: T | None) -> T:
    """Return what the `needs` of a measure promise."""
    if value is None:
        raise TypeError("a measure looks at something that its `needs` do not name")
    return value


def _fd(given: Given) -> dict[str, float]:
    distance = frechet_distance(moments(_need(given.features)), _need(given.reference.moments))
    return {_need(given.reference.net).distance_name: distance}


def _kid(given: Given) -> dict[str, float]:
    value, error = kernel_distance(_need(given.reference.features), _need(given.features), seed=given.seed)
    return {"kid": value, "kid_se": error}


def _prdc(given: Given) -> dict[str, float]:
    # The reference's are in random order already.
    return neighbour_scores(_need(given.reference.features)[:NUM_PRDC], _some(given, _need(given.features), NUM_PRDC))


def _classifier_score(given: Given) -> dict[str, float]:
    mean, std = score_logits(_need(given.logits), seed=given.seed)
    return {"classifier_score": mean, "classifier_score_std": std}


def _class_accuracy(given: Given) -> dict[str, float]:
    return {"class_accuracy": classes.class_accuracy(_need(given.logits), _need(given.labels))}


def _counts(given: Given) -> np.ndarray:
    logits = _need(given.logits)
    return classes.class_histogram(logits.argmax(1), logits.shape[1])


def _class_entropy(given: Given) -> dict[str, float]:
    return {"class_entropy": classes.class_entropy(_counts(given))}


def _class_kl(given: Given) -> dict[str, float]:
    # Half an image of a class that the network never sees in the data: a figure that JSON can hold, not infinity.
    return {"class_kl": classes.class_kl(_counts(given), np.maximum(_need(given.reference.class_counts), 0.5))}


def _class_chi_square(given: Given) -> dict[str, float]:
    return {"class_chi_square": classes.class_chi_square(_counts(given), _need(given.reference.class_counts))}


def _modes(given: Given) -> dict[str, float]:
    return modes.mode_scores(_counts(given))


def _nearest(given: Given) -> dict[str, float]:
    distances, _ = nearest_images(_some(given, given.images, NUM_NEAREST), given.reference.images)
    return {"nearest": float(distances.mean())}


def _swd(given: Given) -> dict[str, float]:
    return {"swd": swd.wasserstein_1d(given.reference.projections, swd.project(swd.pixels(given.images)))}


class Measure(NamedTuple):
    """A measure: its function, and which of 'features', 'logits', 'labels' and 'modes' it cannot do without."""

    compute: Callable[[Given], dict[str, float]]
    needs: tuple[str, ...] = ()


MEASURES = {
    "fd": Measure(_fd, ("features",)),
    "kid": Measure(_kid, ("features",)),
    "prdc": Measure(_prdc, ("features",)),
    "classifier_score": Measure(_classifier_score, ("logits",)),
    "class_accuracy": Measure(_class_accuracy, ("logits", "labels")),
    "class_entropy": Measure(_class_entropy, ("logits",)),
    "class_kl": Measure(_class_kl, ("logits",)),
    "class_chi_square": Measure(_class_chi_square, ("logits",)),
    "modes": Measure(_modes, ("modes",)),
    "nearest": Measure(_nearest),
    "swd": Measure(_swd),
}

_NEEDS = {
    "features": "a feature network",
    "logits": "a feature network that classifies",
    "labels": "the classes that were asked for",
    "modes": "the features of stacked MNIST",
}


def _has(reference: Reference, labelled: bool, need: str) -> bool:
    net = reference.net
    return {
        "features": net is not None,
        "logits": net is not None and net.num_classes is not None,
        "labels": labelled,
        "modes": net is not None and net.name == "stacked_mnist",
    }[need]
