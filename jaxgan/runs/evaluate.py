"""Scores of a generator against the images that it was trained on."""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from jaxgan import data
from jaxgan.base import checks, keys
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import say
from jaxgan.base.types import Config, Map, Source
from jaxgan.config import validate, with_whole_paths
from jaxgan.metrics import registry, suite
from jaxgan.metrics.features import trained
from jaxgan.metrics.features.choice import choose_features
from jaxgan.metrics.features.network import FeatureNet
from jaxgan.metrics.neighbours import Nearest, nearest_images
from jaxgan.metrics.reference import Images, Reference, cached_reference, images_of
from jaxgan.parts import file_of
from jaxgan.rundir import saved_config, steps
from jaxgan.rundir.digests import Damaged
from jaxgan.rundir.evaluations import Evaluation
from jaxgan.rundir.layout import EVALUATION_FILE
from jaxgan.runs import instances
from jaxgan.runs.record.score_table import check_out, is_written
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.labels import known_vectors, labels_in_shares, vectors_of
from jaxgan.sampling.pixels import generate_pixels

LEAST = 10  # parts in which classifier scores are averaged
# How labels of scored images are drawn, by the axes of their array.
DRAWN = {1: "as often as in the data", 2: "vectors of the data"}
# Sources whose other split was not trained on.
_WITH_TEST_SPLIT = ("mnist", "stacked_mnist", "idx", "arrays", "cifar", "svhn", "stl10")


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """Scores generators against one set of real images, always in the same way.

    Attributes:
      reference: the real images.
      floor: what real images score.
      split: which part of the data they are.
      num: generated images.
      seed: of their latents, and of what the measures draw.
      stats: batch-norm statistics they are made with.
      ema_stats: what those of averaged weights are.
      names: measures, None for all that can be computed.
      class_counts: labels of each class, empty where there are none.
      floor_seconds: what the floor took, about as long as other scores.
      make: calls the function that makes some images for each part of them; other processes may help.
      look: likewise, the one that makes features of them.
    """

    reference: Reference
    floor: suite.Floor
    split: str
    num: int
    seed: int
    stats: str
    ema_stats: str
    names: tuple[str, ...] | None
    class_counts: tuple[int, ...]
    floor_seconds: float
    make: Map = map
    look: Map = map

    @property
    def main(self) -> str:
        """Name of the figure by which steps are compared; the lower the better."""
        net = self.reference.net
        return "swd" if net is None else net.main

    def images(self, params: GeneratorParams) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the images uint8[num, H, W, C] that are scored, and the labels asked for, in the data's shares."""
        labels = None
        if params.label_size:
            of_data = self.reference.labels  # None of images with instance features, of which a generator keeps some
            labels = vectors_of(self.num, known_vectors(params) if of_data is None else of_data, self.seed)
        if params.num_classes is not None:
            labels = labels_in_shares(self.num, self.class_counts or (1,) * params.num_classes, self.seed)
        z = sampler.latents(params, keys.stream(self.seed, keys.Stream.EVALUATION), self.num)
        asked = None if labels is None else jnp.asarray(labels)
        return generate_pixels(params, z, asked, self.stats, over=self.make), labels

    def evaluate(self, params: GeneratorParams, step: int, weights: str = "ema") -> Evaluation:
        """Score a generator; equal arguments give equal figures.

        Returns:
          An entry of evaluation.json.
        """
        began = time.monotonic()
        images, labels = self.images(params)
        about = {"weights": weights, "ema_stats": "average" if weights == "raw" else self.ema_stats}
        return {"step": step, **about, **self.score(images, labels, "generated images", began)}

    def score(self, images: np.ndarray, labels: np.ndarray | None, what: str, began: float) -> Evaluation:
        """Score images uint8[N, H, W, C], asked to have the labels; the entry names no generator."""
        metrics = suite.score(images, labels, self.reference, names=self.names, seed=self.seed, over=self.look)
        net = self.reference.net
        return {
            "num": len(images),
            "split": self.split,
            "seed": self.seed,
            "classes": None if labels is None else DRAWN[labels.ndim],
            "main": self.main,
            "metrics": metrics,
            "floor": self.floor.scores,
            "protocol": f"{len(images)} {what} against {len(self.reference.images)} real images; "
            f"floor: {self.floor.compared}",
            "features": None if net is None else {"name": net.name, "digest": net.digest, "about": net.about},
            "seconds": round(time.monotonic() - began, 2),
        }

    def nearest(self, params: GeneratorParams, num: int = 12) -> Nearest:
        """Return generated images beside the training image nearest to each, to see memorisation."""
        few = dataclasses.replace(self, num=num, make=map)
        images, _ = few.images(params)
        distances, indices = nearest_images(images, self.reference.images)
        return Nearest(images, self.reference.images[indices], distances.tolist())


def create_evaluator(
    config: Config,
    source: Source | None = None,
    *,
    num: int | None = None,
    seed: int | None = None,
    conditional: bool = True,
) -> Evaluator:
    """Read the real images, and compute (or find on disk) what the measures must know of them.

    Args:
      config: of the run.
      source: of the images, if it is open already.
      num: generated images; None for config.eval.num.
      seed: None for config.seed.
      conditional: whether generators are asked for classes, which some measures need.

    Raises:
      UserError, FileNotFoundError: the data are not there, or features are asked for that cannot be had.
    """
    num = int(num or config.eval.num)
    checks.in_range("the number of scored images", num, LEAST)
    seed = int(config.seed if seed is None else seed)
    checks.in_range("--seed", seed, 0, 2**32 - 1)
    chosen = tuple(registry.named(name.strip()) for name in config.eval.metrics.split(",") if name.strip())
    held = held_out(config, source)
    images, labels = real_images(config.data, source)
    net = choose_features(
        config.eval.features,
        source=_source_name(config),
        image_shape=images.shape[1:],
        data_digest="" if labels is None else trained.data_digest(images, labels),
        fid=config.eval.fid,
        channels=tuple(config.sample.channels),
    )
    is_seen = suite.seen_by(net, labels) is not None
    conditional = conditional and not config.data.instance_features and (is_seen or labels is None)
    main = "swd" if net is None else "kid" if net.main == net.kernel_name else "fd"  # by it steps are compared
    names = tuple(dict.fromkeys((main, *chosen))) if chosen else None
    suite.check(names or (), net, conditional)
    measured = names or suite.available(net, is_seen)
    suite.check_numbers(measured, len(images), None if held is None else len(held[0]))
    reference = cached_reference(images, labels, net, held_out=held)
    began = time.monotonic()
    floor = suite.floor(reference, num, names=names, seed=seed)
    seconds = time.monotonic() - began
    counts = () if labels is None or labels.ndim > 1 else tuple(np.bincount(labels).tolist())
    stats = config.sample.stats, config.train.ema_stats
    return Evaluator(reference, floor, config.data.split, num, seed, *stats, names, counts, seconds)


def real_images(config_data: Config, source: Source | None = None) -> Images:
    """Return the images of a source, or of the data section of a config, and their own labels or None."""
    images, labels = images_of(data.open_source(config_data) if source is None else source)
    return images, None if config_data.instance_features else labels


def _source_name(config: Config) -> str:
    """Return the name of the kind of images, of file.py:NAME the latter."""
    return file_of(data.resolved(config).data.source)[1]


def held_out(config: Config, source: Source | None = None) -> Images | None:
    """Return real images that are not trained on, or None where the data have none.

    Args:
      config: of the run.
      source: of the images; they have none where they are not those of the configuration. None: they are.
    """
    if data.resolved(config).data.source not in _WITH_TEST_SPLIT or config.data.split != "train":
        return None
    other = copy.deepcopy(config.data)
    other.split, other.skip = "test", 0
    try:
        own = data.open_source(config.data)
        known = own, instances.with_instances(own, config.data.instance_features)
        if source and data.fingerprint(source) not in map(data.fingerprint, known):
            return None
        return real_images(other)
    except (UserError, FileNotFoundError):
        return None  # an IDX folder may hold one split only


def evaluate_run(
    workdir: str | Path,
    step: int | str = "latest",
    *,
    num: int | None = None,
    seed: int | None = None,
    weights: str = "ema",
    ema_std: float | None = None,
    features: str | None = None,
    metrics: str | None = None,
    path: str | None = None,
    fid: str | None = None,
    out: str | Path | None = None,
    source: Source | None = None,
    trust: bool = False,
    on_write: Callable[[Path], object] = lambda path: None,
) -> tuple[list[Evaluation], Nearest]:
    """Score checkpoints of a run, and add the scores to its evaluation.json.

    Where the run's folder cannot be written, the scores are returned all the same, with a warning.

    Args:
      workdir: folder of the run.
      step: a saved step, 'best', 'latest' (the newest good one) or 'all' (that are good).
      num: generated images; None for the run's config.eval.num. Likewise `seed`, for its own.
      weights: see `jaxgan.load`, likewise `ema_std`.
      features: instead of the run's config.eval.features; likewise `metrics` and `fid`.
      path: where the run's images lie now, instead of its config.data.path.
      out: a .json file for the scores, instead of the run's evaluation.json.
      source: the images of a run that was trained with `jaxgan.train(..., source=...)`.
      trust: consent to execute Python files that the run names.
      on_write: called with the file of scores each time it is written.

    Returns:
      One evaluation a step, oldest step first, and for the last one what its images resemble most.

    Raises:
      UserError, FileNotFoundError: see `jaxgan.load` and `create_evaluator`.
    """
    from jaxgan.generators.load import load  # Orbax takes a second to import

    check_out(out)
    for name, value in (("metrics", metrics), ("features", features)):
        if not isinstance(value, str | None):
            raise UserError(f"{name} is {value!r}; expected a text, such as config.eval.{name} holds.")
    given = {"eval.metrics": metrics, "eval.fid": fid, "eval.features": features, "data.path": path}
    given = {name: value for name, value in given.items() if value is not None}
    executes = {"gan", "data.source", "eval.features", "eval.metrics"} - given.keys()
    executes -= {"data.source"} if source is not None else set()
    config, workdir = saved_config.trusted_config(workdir, trust=trust, executes=executes)[0], Path(workdir)
    several = {"all": steps.saved_steps, "latest": steps.newest_first}.get(str(step))
    asked = steps.find_step(workdir, "latest" if several else step)
    config.update_from_flattened_dict(given)
    config = with_whole_paths(config)
    validate(config)
    source = data.open_source(config.data) if source is None else data.checked(source)
    trained_on = instances.with_instances(source, config.data.instance_features)
    saved_config.check_images(workdir, config, trained_on.info, data.fingerprint(trained_on))
    evaluator = create_evaluator(config, source, num=num, seed=seed)
    done, params, left_out = [], None, []
    for one in several(workdir) if several else [asked]:
        try:
            params = load(workdir, one, weights, trust=trust, ema_std=ema_std)
        except (Damaged, FileNotFoundError) as error:
            left_out.append(error)  # a run that goes on may delete one
            continue
        done.append(evaluator.evaluate(params, one, weights if ema_std is None else f"ema_std={ema_std}"))
        if is_written(workdir, out, done):
            on_write(workdir / EVALUATION_FILE if out is None else Path(out))
        if step == "latest":
            break
    if params is None:
        raise left_out[-1]
    for error in left_out:
        say(f"warning: {error}; it is left out")
    return done, evaluator.nearest(params)


def train_features(config: Config, *, on_step=lambda step, loss: None) -> FeatureNet:
    """Train a classifier of the labelled images that a configuration names; evaluations find it from then on.

    Raises:
      UserError: the images have no labels.
    """
    config = copy.deepcopy(config)
    config.data.instance_features = 0  # it learns the labels of the data
    source, name = data.open_source(config.data), _source_name(config)
    images, labels = images_of(source)
    if labels is None:
        raise UserError(
            f"the images of config.data.source={config.data.source!r} have no labels to learn features from; use data "
            "of several classes, or let config.eval.features name a function or Inception's weights."
        )
    held, tested = held_out(config) or (images, None)
    others = None if tested is None else (held, tested)
    return trained.fit(images, labels, source.info, name, held_out=others, on_step=on_step)
