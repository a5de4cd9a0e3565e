"""Tables of labels beside images: dataset.json of StyleGAN's dataset_tool, metadata.csv, metadata.jsonl, labels.csv."""

from __future__ import annotations

import csv
import io
import json
import posixpath
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.base import checks, terminal
from jaxgan.base.checks import UserError
from jaxgan.data.images.tree import label_by_folder
from jaxgan.data.labels import Labels, chosen, numbered

STYLEGAN = "dataset.json"
NAMES = (STYLEGAN, "metadata.csv", "metadata.jsonl", "labels.csv")

# Of one table; a row of text takes about 10 times its length as Python's objects.
MAX_BYTES = 2**25


class Labelled(NamedTuple):
    """What a table says of images, or their folders do.

    Attributes:
      file: name of the table; empty where there is none.
      rows: int64[N], the images it lists, in its order; all of them in theirs for `dataset.json` and folders.
      labels: of those images; None where they have none.
    """

    file: str
    rows: np.ndarray
    labels: Labels | None


def labelled(files: Sequence[str], tables: dict[str, Callable[[], bytes]], wanted: str, place: str) -> Labelled | None:
    """Return what the table beside some images says of them, or None where there is none, or it gives no labels.

    Args:
      files: names of N images, with '/' between folders.
      tables: those of NAMES that lie beside them, each with a function that returns up to MAX_BYTES + 1 of its bytes.
      wanted: data.labels: the columns to take; empty: the one that can be meant.
      place: where the images lie, printable.

    Raises:
      ValueError: there are several tables, or one is damaged, or does not fit the images.
    """
    if len(tables) > 1:
        raise UserError(f"{place} holds {' and '.join(tables)}; expected one table of labels, so move the others away.")
    for name, read in tables.items():
        content = read()
        if len(content) > MAX_BYTES:
            raise UserError(f"{name} in {place} has more than {MAX_BYTES:,} bytes; expected a table of labels.")
        with checks.damaged(f"{name} in {place} is no table of labels", "repair it"):
            reader = {STYLEGAN: _stylegan, "metadata.jsonl": _jsonl}.get(name, _csv)
            return reader(content, name, files, wanted, place)
    if wanted:
        raise UserError(f"data.labels is {wanted!r}, but {place} has no table of labels; expected {', '.join(NAMES)}.")
    return None


def labelled_anyhow(
    files: Sequence[str], tables: dict[str, Callable[[], bytes]], wanted: str, place: str, unusable: Sequence[str] = ()
) -> Labelled:
    """Return what `labelled` does, or where it is None what `tree.label_by_folder` says."""
    found = labelled(files, tables, wanted, place)
    return found or Labelled("", np.arange(len(files)), label_by_folder(files, place, unusable))


def _stylegan(content: bytes, file: str, files: Sequence[str], wanted: str, place: str) -> Labelled | None:
    """Read {"labels": [[name, label], ...]}, whose labels are whole numbers, vectors, or null for none."""
    tables = json.loads(content)
    if not isinstance(tables, dict) or not ("labels" in tables or wanted in tables):
        terminal.say(f"{file} in {place} has no key 'labels', so it gives none.")
        return None
    pairs = tables.get(wanted or "labels")
    if wanted:
        checks.one_of(f"data.labels of {file} in {place}", wanted, tables)
    labels = None
    if pairs:
        of = {_normal(str(name)): label for name, label in pairs}
        labels = numbered([of.get(name) for name in files], f"{file} in {place}")
    return Labelled(file, np.arange(len(files)), labels)


def _csv(content: bytes, file: str, files: Sequence[str], wanted: str, place: str) -> Labelled | None:
    text = content.decode("utf-8-sig")
    head = text[: text.find("\n")] if "\n" in text else text
    delimiter = max(",;\t", key=head.count)
    lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True) if row]
    if not lines:
        raise ValueError("it is empty")
    names = lines[0]
    if any(_finder(files)(cell) is not None for cell in names):
        names = [f"column {number}" for number in range(1, len(names) + 1)]
    else:
        del lines[0]
    if len(set(names)) < len(names) or any(len(row) != len(names) for row in lines):
        raise ValueError("its rows have several lengths, or two columns one name")
    columns = {name: [row[number] for row in lines] for number, name in enumerate(names)}
    return _of_columns(columns, files, file, wanted, place)


def _jsonl(content: bytes, file: str, files: Sequence[str], wanted: str, place: str) -> Labelled | None:
    rows = [json.loads(line) for line in content.decode("utf-8-sig").splitlines() if line.strip()]
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for row in rows[:1] for name in row}
    return _of_columns(columns, files, file, wanted, place)


def _of_columns(
    columns: dict[str, list[Any]], files: Sequence[str], file: str, wanted: str, place: str
) -> Labelled | None:
    """Return the rows that a table lists and their labels, from the column that names images and the others."""
    what, found = f"{file} in {place}", _rows(columns, files)
    if found is None:
        terminal.say(f"{what} names none of the images that can be read, so it gives no labels.")
        return None
    key, numbers = found
    listed = [at for at, row in enumerate(numbers) if row is not None]
    rows = np.array([numbers[at] for at in listed], np.int64)
    if len(np.unique(rows)) < len(rows):
        raise UserError(f"{what} lists an image twice; expected one row for each image.")
    table = {name: [values[i] for i in listed] for name, values in columns.items() if name != key}
    if not table:
        terminal.say(f"{what} has no column beside the names of images, so it gives no labels.")
    labels = chosen(table, wanted, what)
    if labels is None:
        return None
    for count, text in (
        (len(numbers) - len(listed), f"rows of {what} name no image that can be read"),
        (len(files) - len(rows), f"images of {place} are not in {file} and are left out"),
    ):
        if count:
            terminal.say(f"{count:,} {text}.")
    return Labelled(file, rows, labels)


def _rows(columns: dict[str, list[Any]], files: Sequence[str]) -> tuple[str, list[int | None]] | None:
    """Return the column that names images, and the image of each of its rows; None where there is none.

    Names without endings must be those of half of the images: a list of the classes may have numbers, too.
    """
    usual = [name for name in columns if name.lower().replace("_", "") in ("filename", "file", "image", "path")]
    for stems in (False, True):
        find = _finder(files, stems=stems)
        for name in dict.fromkeys([*usual, *columns]):
            found = [find(str(value)) for value in columns[name]]
            count = sum(row is not None for row in found)
            if count and (not stems or 2 * count > len(files)):
                return name, found
    return None


def _normal(name: str) -> str:
    return posixpath.normpath(name.replace("\\", "/"))


def _finder(files: Sequence[str], *, stems: bool = False) -> Callable[[str], int | None]:
    """Return a function from a name in a table to the number of an image: whole, without folders, without ending."""
    known = {_normal(file): row for row, file in enumerate(files)}
    bases = _unique((posixpath.basename(file), row) for file, row in known.items())
    if stems:
        bases = _unique((posixpath.splitext(file)[0], row) for file, row in bases.items())

    def find(name: str) -> int | None:
        name = _normal(name.strip())
        return known.get(name, bases.get(name))

    return find


def _unique(pairs: Iterable[tuple[str, int | None]]) -> dict[str, int | None]:
    """Return a dictionary that has None for what stands there twice."""
    found: dict[str, int | None] = {}
    for name, row in pairs:
        found[name] = None if name in found else row
    return found
