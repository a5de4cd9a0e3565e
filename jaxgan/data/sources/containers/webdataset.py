"""Shards of WebDataset: tar archives in which the files of one sample follow each other and have one key.

The key of `train/0007.seg.png` is `train/0007`, its ending `seg.png`. Links and other members that are no files are
passed over, and nothing is unpacked to the disk.

References:
  T. Breuel, "WebDataset", 2020.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.images.tree import EXTENSIONS
from jaxgan.data.labels import Labels, chosen, numbered
from jaxgan.data.sources.containers.ranges import fingerprint, first_bytes, holds, matching, of_split, read_range
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Records

# Of a header's names and of a label; more is damaged, or hostile.
MAX_TEXT = 2**20


class Member(NamedTuple):
    """A file in an archive: where its bytes lie."""

    name: str
    start: int
    size: int


class WebDataset(Records):
    """Images of shards, in the order of the shards' sorted names and of the samples in them.

    Labels are the `.cls` of the samples, or keys of their `.json`.

    Args:
      c: the data section of a config; path, split and labels are read.

    Raises:
      FileNotFoundError: if the path is not there.
      ValueError: if a shard is damaged or packed, or two images have one key.
    """

    def __init__(self, c: Config):
        path = existing(c.path, "a .tar file, or a folder of such")
        self.what, self.place = "WebDataset shards", printable(path)
        self._shards = of_split(matching(path, (".tar",)) or [path], path, c.split)
        places: list[tuple[int, int, int]] = []
        table: dict[str, list[Any]] = {}
        for number, shard in enumerate(self._shards):
            for image, columns in _samples(shard):
                for name, value in columns.items():
                    table.setdefault(name, [None] * len(places)).append(value)
                places.append((number, image.start, image.size))
                for values in table.values():
                    values += [None] * (len(places) - len(values))
        if not places:
            raise UserError(f"{self.place} holds no images; expected members such as 0001.png beside 0001.cls.")
        self._places = np.array(places, np.int64)
        self.labels = _labels(table, c.labels, self.place)
        self.fingerprint = fingerprint("webdataset", self._shards, self._places)

    def __len__(self) -> int:
        return len(self._places)

    def raw(self, row: int) -> bytes:
        """Return an encoded image."""
        shard, start, size = self._places[row].tolist()
        return read_range(str(self._shards[shard]), start, size)


class _Careful(io.RawIOBase):
    """A stream that reads little at a time: `tarfile` asks for as much as a header claims."""

    def __init__(self, stream: BinaryIO):
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= MAX_TEXT:
            raise tarfile.ReadError(f"a header claims {size:,} bytes")
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def members(file: Path) -> Iterator[tuple[Member, BinaryIO]]:
    """Yield the files of an archive that is not packed, each with the archive's stream.

    Raises:
      ValueError: it is damaged or packed.
    """
    stream, size = open_regular(file)
    then = "unpack it by gunzip" if first_bytes(file, 2) == b"\x1f\x8b" else "get it again"
    with (
        stream,
        checks.damaged(f"{printable(file)} is no sound tar archive", then),
        tarfile.open(fileobj=_Careful(stream), mode="r:", errorlevel=2) as archive,
    ):
        while one := archive.next():
            archive.members = []  # type: ignore[attr-defined]  # or all of them would be kept
            if not one.isreg() or one.issparse():
                continue
            if one.size < 0 or one.offset_data + one.size > size:
                raise tarfile.ReadError(f"{one.name} ends beyond the file")
            yield Member(one.name, one.offset_data, one.size), stream


def _samples(file: Path) -> Iterator[tuple[Member, dict[str, Any]]]:
    """Yield the image of each sample of a shard that has one, and what else is known of it by name."""
    key, image, columns = None, None, dict[str, Any]()
    for member, stream in members(file):
        folder, slash, base = member.name.rpartition("/")
        stem, _, ending = base.partition(".")
        if not stem or not ending:
            continue
        if (here := folder + slash + stem) != key:
            if image is not None:
                yield image, columns
            key, image, columns = here, None, {}
        ending = ending.lower()
        if f".{ending}" in EXTENSIONS:
            if image is not None:
                raise UserError(
                    f"{printable(file)} has {printable(image.name)} and {printable(member.name)}, two images of one "
                    f"key {printable(key)}; expected one: leave the other out, or put no dots into names."
                )
            image = member
        elif member.size <= MAX_TEXT and ending in ("cls", "cls.gz", "json"):
            stream.seek(member.start)
            columns |= _columns(ending, stream.read(member.size), f"{printable(member.name)} in {printable(file)}")
    if image is not None:
        yield image, columns


def _columns(ending: str, content: bytes, what: str) -> dict[str, Any]:
    """Return what a .cls or .json file says, by name."""
    with checks.damaged(f"{what} is no label", "expected a number or a name"):
        if ending == "cls.gz":
            with gzip.open(io.BytesIO(content)) as stream:
                content = stream.read(MAX_TEXT)
        text = content.decode().strip()
        if ending == "json":
            found = json.loads(text)
            plain = (str, int, float, list)
            return {k: v for k, v in found.items() if isinstance(v, plain)} if isinstance(found, dict) else {}
        try:
            value = json.loads(text)
        except ValueError:
            value = {"True": 1, "False": 0}.get(text, text)
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        return {"cls": int(value) if isinstance(value, bool | float) and value == int(value) else value}


def _labels(table: dict[str, list[Any]], wanted: str, place: str) -> Labels | None:
    """Return the .cls as classes, numbered as they stand where all are numbers; or what is asked for."""
    if not wanted and all(isinstance(value, int) for value in table.get("cls", ["none"])):
        return numbered(table["cls"], f"the .cls of {place}")
    if not wanted and "cls" in table:
        table = {"cls": table["cls"]}
    return chosen(table, wanted, place) if table else None


def finds(path: Path) -> bool:
    """Return whether a path is a tar archive, or a folder that holds some and no images."""
    if path.is_file():
        return first_bytes(path)[257:262] == b"ustar"
    return holds(path, (".tar",))


KIND = container(WebDataset, finds, "tar shards of WebDataset, such as 0001.png and 0001.cls")
