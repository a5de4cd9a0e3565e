"""What the registry knows of a source."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import NamedTuple

from jaxgan.base.types import Config, Source
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.threads import Workers


class Kind(NamedTuple):
    """How a source is opened.

    Attributes:
      open: takes the data section of a config, what each image becomes, and threads; returns the source.
      path: whether the source reads data.path: 'needed', 'optional' or 'unused'.
    """

    open: Callable[[Config, Canvas, Workers], Source]
    path: str = "unused"


def existing_folder(path: str, content: str) -> pathlib.Path:
    """Return data.path as a path, or raise FileNotFoundError where it is no folder; `content` says of what."""
    folder = pathlib.Path(path).expanduser()
    if not path or not folder.is_dir():
        raise FileNotFoundError(f"data.path is {path!r}, which is no folder; expected a folder {content}.")
    return folder
