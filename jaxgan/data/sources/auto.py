"""Which kind of data set lies at a path."""

from __future__ import annotations

from collections.abc import Mapping

from jaxgan.base.checks import UserError
from jaxgan.base.terminal import printable
from jaxgan.data.sources.kind import Kind, existing

AUTO = "auto"


def found_at(path: str, kinds: Mapping[str, Kind]) -> str:
    """Return the name of the first kind that finds itself at a path.

    Raises:
      FileNotFoundError: nothing is there.
      ValueError: it is none of them.
    """
    place = existing(path, "a folder of images or a file that holds a data set")
    for name, kind in kinds.items():
        if kind.finds and kind.finds(place):
            return name
    known = "; ".join(f"{kind.about} ({name})" for name, kind in kinds.items() if kind.finds)
    raise UserError(
        f"{printable(place)} is no data set of a known kind. Known are: {known}. Convert others to a folder of PNG "
        "files, with a subfolder for each class or a metadata.csv of file_name and label; or give jaxgan.train source=."
    )
