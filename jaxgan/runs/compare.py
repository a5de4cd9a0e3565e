"""Scores of a folder of images against another one; nothing is trained."""

from __future__ import annotations

import copy
import time
from pathlib import Path

from jaxgan import data
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config
from jaxgan.config import default
from jaxgan.metrics.reference import images_of
from jaxgan.rundir.evaluations import Evaluation
from jaxgan.runs.evaluate import LEAST, create_evaluator


def folder_config() -> Config:
    """Return settings that compare images of any kind by ImageNet features; their size is left to `size_of`."""
    config = default()
    config.eval.features = "imagenet"
    config.data.update(source="auto", channels=3)
    return config


def size_of(config: Config, fake: str | Path) -> tuple[int, int]:
    """Return the height and width of the images of `fake`.

    Raises:
      UserError, FileNotFoundError: there are no images, or they have several sizes.
    """
    native = copy.deepcopy(config.data)
    native.update(path=str(fake), fit="as_is")
    try:
        return data.describe(native).image_shape[:2]
    except UserError as error:
        raise UserError(f"{error} Or give --config.data.image_size.") from None


def compare_folders(config: Config, fake: str | Path) -> Evaluation:
    """Score a folder of images against the real images that a configuration names; nothing is trained.

    Args:
      config: its `data` describes the real images, and how both are brought to one size; its `eval` what is measured.
      fake: folder of the other images, of which config.eval.num are drawn at random where there are more.

    Raises:
      UserError, FileNotFoundError: see `create_evaluator`.
    """
    began = time.monotonic()
    evaluator = create_evaluator(config, conditional=False)
    other = copy.deepcopy(config.data)
    other.path = str(fake)
    images, _ = images_of(data.open_source(other), evaluator.num, evaluator.seed)
    checks.in_range(f"the number of images in {fake}", len(images), LEAST)
    return {"step": None, **evaluator.score(images, None, f"images of {fake}", began)}
