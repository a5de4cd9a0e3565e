"""What the registry knows of a source."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from jaxgan.base.types import Config, Source
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources.records import Drawn, Records


class Kind(NamedTuple):
    """How a source is opened.

    Attributes:
      open: takes the data section of a config, what each image becomes, and threads; returns the source.
      path: whether the source reads data.path: 'needed', 'optional' or 'unused'.
      finds: whether a path, which exists, looks like this kind, judged by names and first bytes.
      about: what it reads, in a few words, for the list of what is known.
      has_splits: whether it reads data.split.
    """

    open: Callable[[Config, Canvas, Workers], Source]
    path: str = "unused"
    finds: Callable[[Path], bool] | None = None
    about: str = ""
    has_splits: bool = True


def container(
    records: Callable[[Config], Records], finds: Callable[[Path], bool], about: str, *, has_splits: bool = True
) -> Kind:
    """Return the kind of a source that draws records."""
    return Kind(lambda c, canvas, workers: Drawn(records(c), canvas, workers), "needed", finds, about, has_splits)


def existing_folder(path: str, content: str) -> Path:
    """Return data.path as a path, or raise FileNotFoundError where it is no folder; `content` says of what."""
    folder = Path(path).expanduser()
    if not path or not folder.is_dir():
        raise FileNotFoundError(f"data.path is {path!r}, which is no folder; expected a folder {content}.")
    return folder


def existing(path: str, content: str, name: str = "data.path") -> Path:
    """Return a user's path, or raise FileNotFoundError where nothing is; `content` says what is to be there."""
    place = Path(path).expanduser()
    if not path or not place.exists():
        raise FileNotFoundError(f"{name} is {path!r}, where nothing is; expected {content}.")
    return place
