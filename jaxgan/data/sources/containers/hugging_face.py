"""Data sets of Hugging Face: parquet files, and folders that `save_to_disk` wrote.

Images are a column of bytes, or of structures of bytes and a path; paths are not followed. Class names come from the
metadata of the schema, and files whose names have another order are joined by name.

References:
  Q. Lhoest et al., "Datasets: a community library for natural language processing", 2021.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.images.decode import content_of
from jaxgan.data.labels import Labels, asked, chosen, numbered
from jaxgan.data.sources.containers.blocks import Blocks
from jaxgan.data.sources.containers.ranges import fingerprint, first_bytes, holds, matching, of_split
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Records

# Of a group of rows of a parquet file, which is read as a whole.
MAX_GROUP = 2**30

STATE, SPLITS = "state.json", "dataset_dict.json"
NAME_MAX = 255  # bytes of a file's name, on Linux

Table = Any  # a pyarrow.Table, or a pyarrow.parquet.ParquetFile


class HuggingFace(Records):
    """Images in a column of a table, of one or several files.

    Args:
      c: the data section of a config; path, split and labels are read.

    Raises:
      FileNotFoundError: if the path is not there.
      ValueError: if it holds no such table, or one without images; or a file is damaged.
    """

    def __init__(self, c: Config):
        path = existing(c.path, "a parquet file, or a folder of such or of save_to_disk")
        self.place = printable(path)
        self._arrow = checks.needed("pyarrow", "formats")
        checks.needed("pyarrow.parquet", "formats")
        with checks.damaged(f"{self.place} is damaged"):
            files, rows = self._files(path, c.split)
            self._open(files, c.labels, rows)
            self.fingerprint = fingerprint("hugging face", files, "" if rows is None else rows)

    def __len__(self) -> int:
        return len(self._rows)

    def raw(self, row: int) -> bytes:
        """Return an encoded image; nothing where the table has none."""
        with checks.damaged(f"{self.place} cannot be read"):
            return self._blocks[int(self._rows[row])].as_py() or b""

    def _files(self, path: Path, split: str) -> tuple[list[Path], np.ndarray | None]:
        """Return the files of a split in their order, and the rows that a shuffled or selected set takes."""
        if path.is_dir() and (path / SPLITS).is_file():
            splits = _json(path / SPLITS)["splits"]
            checks.one_of(f"data.split of {self.place}", split, splits)
            path = path / os.path.basename(split)
        if path.is_dir() and (path / STATE).is_file():
            self.what, state = "Hugging Face folder", _json(path / STATE)
            files = [self._beside(path, one) for one in state["_data_files"]]
            chosen = [self._beside(path, one) for one in state.get("_indices_data_files") or []]
            tables = [self._stream(file) for file in chosen]
            rows = [np.asarray(table["indices"], np.int64) for table in tables]
            return files, np.concatenate(rows) if rows else None
        parquet = matching(path, (".parquet",))
        self.what = "parquet files" if parquet else "Arrow files"
        return of_split(parquet or matching(path, (".arrow",)), path, split), None

    def _beside(self, folder: Path, entry: dict[str, str]) -> Path:
        """Return a file that the folder's state names."""
        name = os.path.basename(entry["filename"])
        if name in ("", ".", "..") or len(os.fsencode(name)) > NAME_MAX:
            raise UserError(f"{self.place} is damaged: it names a file {printable(name[:40])!r}; get it again.")
        return folder / name

    def _stream(self, file: Path) -> Table:
        """Return the table of an Arrow file, mapped."""
        opened = self._arrow.memory_map(str(file))
        is_file = first_bytes(file, 6) == b"ARROW1"
        reader = self._arrow.ipc.open_file(opened) if is_file else self._arrow.ipc.open_stream(opened)
        table = reader.read_all()
        table.validate(full=True)  # offsets that lead out of the file would end the process
        return table

    def _open(self, files: list[Path], wanted: str, rows: np.ndarray | None) -> None:
        for file in files:
            open_regular(file)[0].close()
        is_parquet = files[0].suffix.lower() == ".parquet"
        tables = [self._arrow.parquet.ParquetFile(f, memory_map=True) if is_parquet else self._stream(f) for f in files]
        schemas = [table.schema_arrow if is_parquet else table.schema for table in tables]
        image = _image_column(schemas[0], self._arrow.types, self.place)
        self._blocks = _groups(tables, image) if is_parquet else _mapped(tables, image)
        self._rows = np.arange(len(self._blocks)) if rows is None else rows
        if not len(self._rows) or self._rows.min() < 0 or self._rows.max() >= len(self._blocks):
            raise UserError(f"{self.place} has {len(self._blocks):,} rows, not those of its index; get it again.")
        names = [name for name in schemas[0].names if name != image]
        self.labels = self._labels(tables, schemas, names, wanted)
        if not any(self.raw(row) for row in range(min(8, len(self)))):
            raise UserError(
                f"{self.place} holds no bytes in its column {image!r}, but paths at most; save it anew with the images "
                "in it, as by Dataset.push_to_hub or to_parquet after cast_column(..., Image(decode=False)) and map."
            )

    def _labels(self, tables: list[Table], schemas: list[Any], names: list[str], wanted: str) -> Labels | None:
        classes = [_class_names(schema) for schema in schemas]
        given = asked(wanted, names, self.place)
        usual = given or [name for name in names if name in classes[0]]
        if len(usual) == 1 and usual[0] in classes[0]:
            known = list(dict.fromkeys(name for one in classes for name in one.get(usual[0], ())))
            parts = []
            for table, one in zip(tables, classes, strict=True):
                numbers = np.array([known.index(name) for name in one[usual[0]]] + [-1], np.int64)
                values = np.array([-1 if v is None else v for v in _values(table, usual[0])], np.int64)
                parts.append(numbers[np.where((values < 0) | (values >= len(numbers)), -1, values)])
            return numbered(np.concatenate(parts)[self._rows], self.place, known)
        plain = [name for name in names if _is_plain(schemas[0].field(name).type, self._arrow.types)]
        table = {name: [value for one in tables for value in _values(one, name)] for name in given or plain}
        table = {name: [values[row] for row in self._rows] for name, values in table.items()}
        for name in ("label", "labels"):
            if not given and name in table and all(isinstance(value, int) for value in table[name]):
                return numbered(table[name], f"{name!r} of {self.place}")
        return chosen(table, wanted, self.place) if table else None


def _is_plain(kind: Any, types: Any) -> bool:
    """Return whether a column may be labels: numbers or texts, also as pandas and polars write categories."""
    kind = kind.value_type if types.is_dictionary(kind) else kind
    texts = types.is_string, types.is_large_string, types.is_string_view
    return any(is_kind(kind) for is_kind in (*texts, types.is_integer, types.is_floating, types.is_boolean))


def _json(file: Path) -> dict[str, Any]:
    return json.loads(content_of(str(file), 2**24))


def _features(schema: Any) -> dict[str, Any]:
    metadata = (schema.metadata or {}).get(b"huggingface", b"{}")
    return json.loads(metadata).get("info", {}).get("features", {}) or {}


def _class_names(schema: Any) -> dict[str, list[str]]:
    """Return the names of the classes of each column that has such."""
    features = _features(schema)
    return {name: one["names"] for name, one in features.items() if isinstance(one, dict) and one.get("names")}


def _image_column(schema: Any, types: Any, place: str) -> str:
    """Return the name of the column of images."""

    def is_bytes(kind: Any) -> bool:
        return types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)

    def is_image(kind: Any) -> bool:
        has = types.is_struct(kind) and kind.get_field_index("bytes") >= 0
        return is_bytes(kind.field("bytes").type) if has else is_bytes(kind)

    found = [field.name for field in schema if is_image(field.type)]
    if not found:
        columns = ", ".join(f"{printable(field.name)} ({field.type})" for field in schema)[:500]
        raise UserError(f"{place} has the columns {columns}; expected one of encoded images, as bytes.")
    features = _features(schema)
    marked = [name for name in found if isinstance(features.get(name), dict) and features[name].get("_type") == "Image"]
    usual = [name for name in ("image", "img", "images", "jpg", "png", "bytes") if name in found]
    return (marked or usual or found)[0]


def _values(table: Table, name: str) -> list[Any]:
    column = table.read(columns=[name]) if hasattr(table, "read_row_group") else table
    return column[name].to_pylist()


def _bytes_of(column: Any) -> Blocks:
    """Return the bytes of a column of images, chunk by chunk."""
    types = [chunk.field("bytes") if hasattr(chunk, "field") else chunk for chunk in column.chunks]
    return Blocks([len(chunk) for chunk in types], lambda number: (types[number], 0))


def _groups(tables: list[Table], image: str) -> Blocks:
    """Return the images of parquet files, in their groups of rows."""
    places = [(table, group) for table in tables for group in range(table.num_row_groups)]
    sizes = [table.metadata.row_group(group).num_rows for table, group in places]

    def load(number: int) -> tuple[Blocks, int]:
        table, group = places[number]
        size = table.metadata.row_group(group).total_byte_size
        if not 0 <= size <= MAX_GROUP:
            raise UserError(f"a parquet file has a group of rows of {size:,} bytes; expected at most {MAX_GROUP:,}.")
        column = table.read_row_group(group, columns=[image])[image]
        return _bytes_of(column), max(column.nbytes, size)

    return Blocks(sizes, load)


def _mapped(tables: list[Table], image: str) -> Blocks:
    """Return the images of Arrow tables."""
    columns = [table[image] for table in tables]
    return Blocks([len(column) for column in columns], lambda number: (_bytes_of(columns[number]), 0))


def finds(path: Path) -> bool:
    """Return whether a path is a parquet or Arrow file, a folder with parquet files, or one of save_to_disk."""
    if path.is_dir():
        return (path / SPLITS).is_file() or (path / STATE).is_file() or holds(path, (".parquet",))
    return first_bytes(path, 4) == b"PAR1" or path.suffix.lower() == ".arrow"


KIND = container(HuggingFace, finds, "parquet files or a folder of save_to_disk, as of Hugging Face's datasets")
