"""Labels from the columns of a table: classes with names, or vectors of numbers."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.base import checks, terminal
from jaxgan.base.checks import UserError

# More different values than this are numbers, or texts that name no classes.
MAX_CLASSES = 10_000

# A column of these names holds the labels, unless data.labels names another.
USUAL = ("label", "labels", "class", "class_name", "category", "fine_label", "target")

Column = Sequence[Any] | np.ndarray


class Labels(NamedTuple):
    """Labels of N images.

    Attributes:
      values: int32[N], classes 0..K-1; or float32[N, K], vectors.
      names: of the K classes, or of the K numbers in a vector.
    """

    values: np.ndarray
    names: tuple[str, ...]

    @property
    def num_classes(self) -> int | None:
        """K where the labels are classes, None for vectors."""
        return len(self.names) if self.values.ndim == 1 else None

    def take(self, rows: np.ndarray) -> Labels:
        """Return the labels of some images."""
        return Labels(self.values[rows], self.names)


def numbered(values: Column, place: str, names: Sequence[str] | None = None) -> Labels | None:
    """Return labels that a container numbers itself: integers are classes 0..K-1 as they stand, lists are vectors.

    Args:
      values: N of them; all None, or all -1, means that there are none.
      place: what to call them in a message.
      names: of the classes; K is the largest label + 1 without them.

    Raises:
      ValueError: some are missing, negative, not numbers, or too large.
    """
    given = [None if value is None else np.asarray(value) for value in values]
    missing = sum(value is None or (value.shape == () and value.dtype.kind in "iu" and value < 0) for value in given)
    if missing == len(given):
        return None
    if missing:
        raise UserError(f"{missing} of {len(given)} labels of {place} are missing; expected all of them, or none.")
    shapes = {value.shape for value in given if value is not None}
    if len(shapes) > 1 or any(len(shape) > 1 for shape in shapes):
        raise UserError(f"labels of {place} have several shapes; expected a whole number or a vector for each image.")
    array = np.stack([value for value in given if value is not None])
    if array.dtype.kind not in "iufb":
        raise UserError(f"labels of {place} are {array.dtype}; expected whole numbers or vectors.")
    if array.ndim == 2 or array.dtype.kind == "f":
        return vectors(array, place)
    count = len(names or ()) or int(array.max()) + 1
    most = min(count, MAX_CLASSES)
    if array.max() >= most:
        raise UserError(f"labels of {place} run to {array.max()}; expected classes from 0 to {most - 1}.")
    return Labels(array.astype(np.int32), tuple(names or map(str, range(count))))


def vectors(array: np.ndarray, place: str) -> Labels:
    """Return labels of float32[N] or [N, K] numbers, which must be finite."""
    array = array.reshape(len(array), -1).astype(np.float32)
    if not np.isfinite(array).all():
        raise UserError(f"labels of {place} hold NaN or infinity; expected finite numbers.")
    return Labels(array, tuple(map(str, range(array.shape[1]))))


def asked(wanted: str, known: Collection[str], place: str) -> list[str]:
    """Return the columns that data.labels names; UserError for one that is not known."""
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    for name in names:
        checks.one_of(f"data.labels of {place}", name, known)
    return names


def chosen(table: Mapping[str, Column], wanted: str, place: str) -> Labels | None:
    """Return the labels that a table of columns gives.

    One column of texts or whole numbers becomes classes, in numeric order where all are numbers; one of other numbers
    becomes a vector of one. Several columns become a vector of all: numbers stay numbers, and a text becomes one number
    for each of its values, 1 where an image has it. What there is to choose from is reported.

    Args:
      table: {name: N values}.
      wanted: data.labels, names joined by commas; empty: the only column, or one of a name in USUAL.
      place: what to call the table in a message.

    Raises:
      ValueError: a name is unknown, or a column has missing values, or too many.
    """
    if names := asked(wanted, table, place):
        return _column(table[names[0]], names[0], place) if len(names) == 1 else _columns(table, names, place)
    usual = [name for name in table if name.lower() in USUAL] or list(table)
    if len(usual) == 1:
        try:
            found = _column(table[usual[0]], usual[0], place)
        except UserError as error:
            terminal.say(f"The images get no labels: {error}")
            return None
        others = [name for name in table if name != usual[0]]
        more = f"; choose others of {', '.join(others)} by --config.data.labels" if others else ""
        terminal.say(f"Labels are the {usual[0]!r} of {place}{more}.")
        return found
    if table:
        columns = ", ".join(f"{name} ({len(set(map(str, values))):,} values)" for name, values in table.items())
        terminal.say(f"{place} has the columns {columns}; --config.data.labels takes one or several as labels.")
    return None


def _column(values: Column, name: str, place: str) -> Labels:
    """Return classes, or a vector of one number."""
    kind, plain = _kind(values, f"{name!r} of {place}")
    if kind == "vector" or kind == "number":
        return vectors(np.array(plain, np.float64), place)
    texts = sorted(set(plain), key=(lambda text: (int(text), text)) if kind == "integer" else str)
    if len(texts) > MAX_CLASSES or (len(texts) > 1000 and 2 * len(texts) > len(plain)):
        if kind == "integer":
            return vectors(np.array(plain, np.float64), place)
        raise UserError(f"{name!r} of {place} has {len(texts):,} texts for {len(plain):,} images; that is no class.")
    number = {text: label for label, text in enumerate(texts)}
    return Labels(np.array([number[text] for text in plain], np.int32), tuple(texts))


def _columns(table: Mapping[str, Column], names: Sequence[str], place: str) -> Labels:
    """Return vectors of several columns."""
    parts, called = [], []
    for name in names:
        kind, plain = _kind(table[name], f"{name!r} of {place}")
        if kind == "text":
            classes = _column(table[name], name, place)
            parts.append(np.eye(len(classes.names), dtype=np.float32)[classes.values])
            called += [f"{name}={text}" for text in classes.names]
        else:
            part = vectors(np.array(plain, np.float64), place)
            parts.append(part.values)
            called += [name] if len(part.names) == 1 else [f"{name}[{index}]" for index in part.names]
    return Labels(np.concatenate(parts, axis=1), tuple(called))


def _kind(values: Column, what: str) -> tuple[str, list[Any]]:
    """Return 'vector', 'number', 'integer' or 'text', and the values: numbers, or texts of integers and classes."""
    plain = [value.tolist() if isinstance(value, np.ndarray | np.generic) else value for value in values]
    plain = [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in plain]
    missing = sum(value is None or value == "" for value in plain)
    if missing:
        raise UserError(f"{what} is missing for {missing:,} of {len(plain):,} images; fill in or remove those rows.")
    if all(isinstance(value, list) for value in plain):
        if len({len(value) for value in plain}) != 1 or not plain[0]:
            raise UserError(f"{what} are lists of several lengths; expected vectors of one length.")
        return "vector", plain
    texts = [value if isinstance(value, str) else str(value) for value in plain]
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", text) for text in texts):
        return "integer", texts
    if any(isinstance(value, bool) for value in plain):
        return "text", texts
    try:
        return "number", [float(text) for text in texts]
    except ValueError:
        return "text", texts
