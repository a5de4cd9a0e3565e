"""Where measures register themselves: every file of this folder that has one calls `measure`.

A new measure is one file:

    @measure("brightness")
    def _measure(given: Given) -> dict[str, float]:
        return {"brightness": float(given.images.mean())}
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import parts
from jaxgan.base import checks
from jaxgan.base.checks import UserError

# What a measure may need, those of the first tables first.
NEEDS = {
    "features": "a feature network",
    "logits": "a feature network that classifies",
    "labels": "the classes that were asked for",
    "attributes": "a feature network that sees label vectors, and vectors that were asked for",
    "modes": "the features of stacked MNIST",
}


# Figures of single attributes, by the names that the data have for them.
RIGHT, ERROR = "right/", "error/"


@dataclasses.dataclass(frozen=True)
class Given:
    """What a measure sees. Fields that its needs do not name may be None.

    Attributes:
      images: uint8[N, H, W, C], the images to measure.
      labels: int[N], the classes asked for, or float[N, L], the label vectors.
      features: float32[N, D].
      logits: float32[N, K], or what the network sees of label vectors, float32[N, L].
      real: the `reference.Reference` of the real images.
      seed: of whatever the measure draws.
    """

    images: np.ndarray
    labels: Any
    features: Any
    logits: Any
    real: Any  # measures are what a reference is made with, so its type is not known here
    seed: int

    def some(self, array: np.ndarray, num: int) -> np.ndarray:
        """Return `num` rows at random: images may come in the order of their classes."""
        return array[np.random.default_rng(self.seed).permutation(len(array))[:num]]


Compute = Callable[[Given], dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Measure:
    """A measure.

    Attributes:
      compute: from what is given to figures by name.
      needs: keys of `NEEDS`.
      least: images that each of the two sets must have.
      higher: figures of which more is better; of the others less is.
      neutral: figures that are neither good nor bad.
    """

    compute: Compute
    needs: tuple[str, ...]
    least: int
    higher: tuple[str, ...]
    neutral: tuple[str, ...]


_FOUND: dict[str, Measure] = {}


def _home(compute: Compute) -> str:
    """Return the module of a function, '' of one that has none, such as a partial one."""
    return getattr(compute, "__module__", None) or ""


def measure(
    name: str, *needs: str, least: int = 1, higher: tuple[str, ...] = (), neutral: tuple[str, ...] = ()
) -> Callable[[Compute], Compute]:
    """Register the decorated function as a measure; the arguments are those of `Measure`.

    Raises:
      UserError: a need that is none of `NEEDS`, or the name of a bundled measure.
    """
    for need in needs:
        checks.one_of("a need of a measure", need, NEEDS)

    def register(compute: Compute) -> Compute:
        if not _home(compute).startswith("jaxgan.metrics."):
            _import_bundled()
            if name in _FOUND and _home(_FOUND[name].compute).startswith("jaxgan.metrics."):
                raise UserError(f"{name!r} is a bundled measure; give yours another name.")
        # The moments that a reference has beside features take two images.
        _FOUND[name] = Measure(compute, needs, max(least, 2 if needs else 1), higher, neutral)
        return compute

    return register


def named(name: str) -> str:
    """Return the name of a measure; of file.py:NAME, a function that becomes a measure unless it is one, its name."""
    function = parts.file_of(name)[1]
    if function == name:
        return name
    compute = parts.read("config.eval.metrics", name)
    parts.check_call(f"the measure {function!r}", compute, "given")
    known = [key for key, one in _FOUND.items() if one.compute is compute]
    if not known:
        measure(function)(compute)
    return (known or [function])[0]


@functools.cache
def _import_bundled() -> None:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        importlib.import_module(f"jaxgan.metrics.{module.name}")


def measures() -> dict[str, Measure]:
    """Return all measures by name, those of features first and those of pixels last."""
    _import_bundled()
    order = list(NEEDS)

    def place(item: tuple[str, Measure]) -> tuple[int, str]:
        return max(map(order.index, item[1].needs), default=len(order)), _home(item[1].compute)

    return dict(sorted(_FOUND.items(), key=place))


def better(figure: str) -> str:
    """Return which way a figure improves: 'max', 'min', or '' for neither."""
    if figure.startswith(RIGHT):
        return "max"
    if any(figure in one.neutral for one in measures().values()):
        return ""
    return "max" if any(figure in one.higher for one in measures().values()) else "min"
