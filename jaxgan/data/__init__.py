"""Data: where images come from, which of them a step takes, and how they are read ahead."""

from __future__ import annotations

import dataclasses
from typing import Any

from jaxgan.base import checks, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo, Source
from jaxgan.data.identity import fingerprint
from jaxgan.data.images.canvas import MAX_IMAGE_SIZE, Canvas
from jaxgan.data.images.threads import MAX_WORKERS, Workers
from jaxgan.data.memory import CACHES, InMemory, in_memory, resolve_cache
from jaxgan.data.on_device import Resident, resident
from jaxgan.data.order.plan import MAX_BATCH_SIZE, SHUFFLES, IndexPlan
from jaxgan.data.prefetch import prefetch
from jaxgan.data.sources import KINDS
from jaxgan.data.sources.auto import AUTO, found_at
from jaxgan.data.sources.records import Drawn, described
from jaxgan.data.validation import Checked, check_batch
from jaxgan.data.views import Mirror, skip

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
    "checked",
    "fingerprint",
    "in_memory",
    "open_source",
    "prefetch",
    "resident",
    "resolve_cache",
    "resolved",
]

SOURCES = (AUTO, *KINDS)


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
    asked, config_data = config_data, _found(config_data)
    checks.one_of("data.cache", config_data.cache, CACHES)
    checks.in_range("data.workers", config_data.workers, 0, MAX_WORKERS)
    checks.in_range("data.batch_size", config_data.batch_size, 1, MAX_BATCH_SIZE)
    checks.in_range("data.skip", config_data.skip, 0)
    source = opened = _open(config_data)
    check_batch(config_data.batch_size, source.info)
    left = max(0, source.info.num_images - config_data.skip)
    if resolve_cache(config_data, dataclasses.replace(source.info, num_images=left)) != "none":
        source = in_memory(source)
    if isinstance(opened, Drawn) and config_data is not asked:
        terminal.say(f"{described(opened.records)}.")
    if announce := getattr(opened, "announce", None):
        announce()
    source = skip(source, config_data.skip)
    return Mirror(source) if config_data.mirror else source


def resolved(config: Config) -> Config:
    """Return a configuration whose data.source is the kind that lies at data.path, where it is to be found.

    It is to be found where source is 'auto', or 'mnist', the default, though there is a path.

    Raises:
      FileNotFoundError: nothing is there.
      ValueError: it is no known kind.
    """
    data = _found(config.data)
    if data is not config.data:
        config = config.copy_and_resolve_references()
        config.data.source = data.source
    return config


def _found(config_data: Config) -> Config:
    checks.one_of("data.source", config_data.source, SOURCES)
    if config_data.source != AUTO and not (config_data.source == "mnist" and config_data.path):
        return config_data
    config_data = config_data.copy_and_resolve_references()
    config_data.source = found_at(config_data.path, KINDS)
    return config_data


def checked(source: Source) -> Source:
    """Return a custom source whose batches are checked, the first of them at once; see `Checked`."""
    held = source.source if isinstance(source, Mirror) else source
    return source if isinstance(held, InMemory) else Checked(source)


def describe(config_data: Config) -> DataInfo:
    """Return what a model must know of the data, decoding no more than that takes.

    Where the path is missing that the source needs, these are images without labels, of the size asked for.
    """
    if not config_data.path and (config_data.source == AUTO or KINDS[config_data.source].path == "needed"):
        return DataInfo((config_data.image_size, config_data.image_size, config_data.channels), 0)
    return _open(_found(config_data)).info


def _open(config_data: Config) -> Source:
    c = config_data
    kind = KINDS[c.source]
    if c.path and kind.path == "unused":
        raise UserError(
            f"config.data.path is {c.path!r}, but config.data.source={c.source!r} reads nothing from there; add "
            "--config.data.source=folder for a folder of images, or leave the path out."
        )
    return kind.open(c, Canvas(c.image_size, c.channels, c.fit, c.background), Workers(c.workers))
