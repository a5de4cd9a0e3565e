"""Data: where images come from, which of them a step takes, and how they are read ahead."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

from jaxgan.base import checks, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.types import Config, DataInfo, Source
from jaxgan.data.identity import fingerprint
from jaxgan.data.images.canvas import FITS, MAX_IMAGE_SIZE, Canvas
from jaxgan.data.images.levels import Meter, checked_levels, measured
from jaxgan.data.images.threads import MAX_WORKERS, Workers
from jaxgan.data.label_values import balanced, counts_sentence, instance_info, with_table
from jaxgan.data.memory import CACHES, InMemory, in_memory, resolve_cache
from jaxgan.data.on_device import Resident, resident
from jaxgan.data.order.plan import MAX_BATCH_SIZE, SHUFFLES, IndexPlan
from jaxgan.data.prefetch import prefetch
from jaxgan.data.sources import KINDS, register_source
from jaxgan.data.sources.auto import AUTO, found_at
from jaxgan.data.sources.records import Drawn, described
from jaxgan.data.validation import MAX_CHANNELS, Checked, check_batch, check_names
from jaxgan.data.views import Mirror, skip

__all__ = ["CACHES", "FITS", "MAX_BATCH_SIZE", "MAX_CHANNELS", "MAX_IMAGE_SIZE", "MAX_WORKERS", "SHUFFLES", "SOURCES"]
__all__ += ["InMemory", "IndexPlan", "Resident", "balanced", "check_settings", "checked", "counts_sentence"]
__all__ += [
    "fingerprint",
    "in_memory",
    "open_source",
    "prefetch",
    "register_source",
    "resident",
    "resolve_cache",
    "resolved",
]

SOURCES = (AUTO, *KINDS.bundled)


def open_source(config_data: Any) -> Source:
    """Open the data set that a config describes.

    All sources give uint8[n, H, W, channels], or uint16 with levels; images of another shape are converted.

    Args:
      config_data: the data section of a config. Its fields: source (one of SOURCES, a registered name, file.py:NAME),
        path, name, split, skip, image_size, channels, fit, background, levels, mirror, follow_links, workers, cache,
        batch_size. Where the networks get `instance_features`, the labels are the data's own all the same.

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
    check_names(source.info)
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

    It is to be found where source is 'auto', or 'mnist', the default, though there is a path. With 'auto' and no path
    it stays as it is: images that are given as source= lie nowhere.

    Raises:
      FileNotFoundError: nothing is there.
      ValueError: it is no known kind.
    """
    data = config.data if config.data.source == AUTO and not config.data.path else _found(config.data)
    if data is not config.data:
        config = copy.deepcopy(config)
        config.data.source = data.source
    return config


def _found(config_data: Config) -> Config:
    if config_data.source != AUTO:
        KINDS.check(config_data.source)
    if config_data.source != AUTO and not (config_data.source == "mnist" and config_data.path):
        return config_data
    config_data = copy.deepcopy(config_data)
    config_data.source = found_at(config_data.path, KINDS)
    return config_data


def check_settings(config_data: Config) -> None:
    """Raise ValueError where what images are turned into cannot be meant."""
    _canvas(config_data)


def checked(source: Source) -> Source:
    """Return a custom source whose batches are checked, the first of them at once; see `Checked`."""
    held = source.source if isinstance(source, Mirror) else source
    return source if isinstance(held, InMemory) else Checked(source)


def describe(config_data: Config) -> DataInfo:
    """Return what a model must know of the data, decoding no more than that takes.

    Where the path is missing that the source needs, these are images without labels, of the size asked for.
    """
    if not config_data.path and (config_data.source == AUTO or KINDS.find(config_data.source).path == "needed"):
        info = _canvas(config_data).info
    else:
        info = skip(_open(_found(config_data), measure=False), config_data.skip).info
    return instance_info(info, config_data.instance_features)


def _canvas(c: Config) -> Canvas:
    size = c.image_size if isinstance(c.image_size, int) else tuple(c.image_size)
    return Canvas(size, c.channels, c.fit, c.background, checked_levels(c.levels))


def _open(config_data: Config, *, measure: bool = True) -> Source:
    """Open a source; levels that are not given are measured, which reads all images once."""
    c = config_data
    kind = KINDS.find(c.source)
    if c.path and kind.path == "unused":
        raise UserError(
            f"config.data.path is {c.path!r}, but config.data.source={c.source!r} reads nothing from there; add "
            "--config.data.source=folder for a folder of images, or leave the path out."
        )
    if c.split != "train" and not kind.has_splits:
        raise UserError(
            f"config.data.split is {c.split!r}, but data.source={c.source} reads no splits; let data.path name the "
            "images of that split, and leave it out."
        )
    canvas, workers = _canvas(c), Workers(c.workers)
    source = kind.open(c, canvas, workers)
    if measure and isinstance(canvas.levels, Meter):
        source = kind.open(c, dataclasses.replace(canvas, levels=measured(source, canvas.levels)), workers)
    return with_table(source)
