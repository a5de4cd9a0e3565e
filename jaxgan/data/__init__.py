"""Data: where images come from, which of them a step takes, and how they are read ahead."""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo, Source
from jaxgan.data.identity import fingerprint
from jaxgan.data.images.canvas import MAX_IMAGE_SIZE, Canvas, Converted, on_canvas
from jaxgan.data.images.threads import MAX_WORKERS, Workers
from jaxgan.data.memory import CACHES, InMemory, check_batch, in_memory, resolve_cache, skip
from jaxgan.data.mirror import Mirror
from jaxgan.data.on_device import Resident, resident
from jaxgan.data.order.plan import MAX_BATCH_SIZE, SHUFFLES, IndexPlan
from jaxgan.data.prefetch import prefetch
from jaxgan.data.sources.folder import Folder
from jaxgan.data.sources.idx import open_idx
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.data.sources.stacked_mnist import StackedMnist
from jaxgan.data.sources.synthetic import Synthetic
from jaxgan.data.sources.tfds import Tfds

__all__ = [
    "CACHES",
    "MAX_BATCH_SIZE",
    "MAX_IMAGE_SIZE",
    "MAX_WORKERS",
    "SHUFFLES",
    "SOURCES",
    "InMemory",
    "IndexPlan",
    "Resident",
    "fingerprint",
    "in_memory",
    "open_source",
    "prefetch",
    "resident",
    "resolve_cache",
]

SOURCES = ("mnist", "stacked_mnist", "idx", "folder", "tfds", "synthetic")


def open_source(config_data: Any) -> Source:
    """Open the data set that a config describes.

    All sources give uint8[n, image_size, image_size, channels]; images of another shape are converted.

    Args:
      config_data: the data section of a config. Its fields: source (one of SOURCES), path, name, split, skip,
        image_size, channels, fit, background, mirror, follow_links, workers, cache, batch_size.

    Returns:
      A source, an `InMemory` one wherever `resolve_cache` says 'device' or 'host', or with `mirror` a view of one.

    Raises:
      FileNotFoundError: if the data are not there.
      ValueError: if a field is wrong or the data are damaged.
    """
    checks.one_of("data.source", config_data.source, SOURCES)
    checks.one_of("data.cache", config_data.cache, CACHES)
    checks.in_range("data.workers", config_data.workers, 0, MAX_WORKERS)
    checks.in_range("data.batch_size", config_data.batch_size, 1, MAX_BATCH_SIZE)
    checks.in_range("data.skip", config_data.skip, 0)
    source = opened = _open(config_data)
    check_batch(config_data.batch_size, source.info)
    left = max(0, source.info.num_images - config_data.skip)
    if resolve_cache(config_data, dataclasses.replace(source.info, num_images=left)) != "none":
        source = source.load() if isinstance(source, Folder) else in_memory(source)
    if isinstance(opened, Folder | Tfds | Converted):
        opened.announce()
    source = skip(source, config_data.skip)
    return Mirror(source) if config_data.mirror else source


def describe(config_data: Config) -> DataInfo:
    """Return what a model must know of the data, decoding no more than that takes.

    A folder that is not given yet counts as images without labels of the size asked for.
    """
    if config_data.source == "folder" and not config_data.path:
        return DataInfo((config_data.image_size, config_data.image_size, config_data.channels), 0)
    return _open(config_data).info


def _open(config_data: Any) -> Source:
    c = config_data
    if c.path and c.source in ("mnist", "stacked_mnist", "synthetic"):
        raise UserError(
            f"config.data.path is {c.path!r}, but config.data.source={c.source!r} reads nothing from there; add "
            "--config.data.source=folder for a folder of images, or leave the path out."
        )
    canvas = Canvas(c.image_size, c.channels, c.fit, c.background)
    workers = Workers(c.workers)
    if c.source == "folder":
        return Folder(c.path, canvas, workers, follow_links=c.follow_links)
    if c.source == "tfds":
        return Tfds(c.name, c.split, c.path, canvas, workers)
    if c.source == "synthetic":
        return Synthetic(c.image_size, c.channels)
    if c.source == "stacked_mnist":
        return StackedMnist(c.split, c.image_size, c.channels)
    native = open_mnist(c.split) if c.source == "mnist" else open_idx(c.path, c.split)
    return on_canvas(native, canvas, workers)
