"""Images in a zip archive, as StyleGAN's and EDM's dataset_tool write them, or of a folder that was packed.

Labels come as in a folder: from `dataset.json` or another table in the archive, else from first-level subfolders.
Nothing is unpacked to the disk, so names that lead out of the archive do no harm.

References:
  T. Karras et al., "dataset_tool.py", of stylegan3 and edm, 2021 and 2022.
  PKWARE, "APPNOTE.TXT", version 6.3.10.
"""

from __future__ import annotations

import posixpath
import struct
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from jaxgan.base import checks, digests
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.data.images import tables
from jaxgan.data.images.memory_budget import MAX_BYTES
from jaxgan.data.images.tree import EXTENSIONS, NOT_CLASSES, LeftOut
from jaxgan.data.sources.containers.ranges import first_bytes, read_range
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Records

# The list of an archive's files is held in memory, some 1,000 bytes each.
MAX_LIST = 2**28

# Of a local header before the name and the extra field.
_HEADER = 30


class Zip(Records):
    """Image files of a zip archive, stored or deflated, in the order of their sorted names.

    Args:
      path: the archive.
      labels: see `folder.Files`.

    Raises:
      FileNotFoundError: if it is not there.
      ValueError: if it is damaged, encrypted, or holds no images.
    """

    def __init__(self, path: str, labels: str = ""):
        file = existing(path, "a zip archive of images")
        self._path, self.place = str(file), printable(file)
        members = {one.filename: one for one in members_of(file)}
        self._left_out = LeftOut(Path("/"))
        names = sorted((name for name in members if self._is_image(name)), key=lambda name: name.split("/"))
        if not names:
            but = f" but what is left out: {self._left_out}" if self._left_out else ""
            raise UserError(f"{self.place} holds no images{but}; expected files such as .png, .jpg or .webp.")
        beside = {name: self._reader(members[name]) for name in tables.NAMES if name in members}
        found = tables.labelled_anyhow(names, beside, labels, self.place)
        self.what = f"zip with {found.file}" if found.file else "zip of images"
        self.what = "StyleGAN zip" if found.file == tables.STYLEGAN else self.what
        self._members, self.labels = [members[names[row]] for row in found.rows], found.labels
        facts = "".join(f"{one.filename}\0{one.CRC}\0{one.file_size}\0" for one in self._members)
        values = "" if self.labels is None else self.labels.values
        self.fingerprint = digests.digest("zip", facts.encode(errors="surrogateescape"), values)

    def __len__(self) -> int:
        return len(self._members)

    def raw(self, row: int) -> bytes:
        """Return an image file; nothing where the archive is damaged there."""
        return content(self._path, self._members[row])

    def name(self, row: int) -> str:
        """Return the name of a file in the archive."""
        return printable(self._members[row].filename)[-80:]

    def left_out(self) -> str:
        """Return what is left out as a sentence, or nothing."""
        return f"Left out of {self.place}: {self._left_out}." if self._left_out else ""

    def _is_image(self, name: str) -> bool:
        parts = name.split("/")
        if not all(parts) or any(p.startswith(".") or p.lower() in NOT_CLASSES for p in parts):
            return False
        ending = posixpath.splitext(name)[1].lower()
        if ending not in EXTENSIONS and name not in tables.NAMES:
            self._left_out.kinds[printable(ending)] += 1
        return ending in EXTENSIONS

    def _reader(self, member: zipfile.ZipInfo):
        return lambda: content(self._path, member, tables.MAX_BYTES + 1)


def members_of(file: Path) -> list[zipfile.ZipInfo]:
    """Return what an archive lists.

    Raises:
      ValueError: it is damaged, encrypted, or has a list too large to hold.
    """
    stream, size = open_regular(file)
    with stream, checks.damaged(f"{printable(file)} is a damaged zip archive"):
        if (length := _list_length(stream, size)) > MAX_LIST:
            raise UserError(f"{printable(file)} has a list of {length:,} bytes; expected at most {MAX_LIST:,}.")
        with zipfile.ZipFile(stream) as archive:
            members = archive.infolist()
    if any(one.flag_bits & 1 for one in members):
        raise UserError(f"{printable(file)} is encrypted; pack it anew without a password.")
    if kinds := {one.compress_type for one in members} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        names = ", ".join(sorted(str({12: "bzip2", 14: "lzma"}.get(kind, kind)) for kind in kinds))
        raise UserError(f"{printable(file)} is packed by {names}; expected stored or deflated files: pack it anew.")
    return members


def _list_length(stream: BinaryIO, size: int) -> int:
    """Return how many bytes the list at the end of an archive claims."""
    stream.seek(max(0, size - 2**17))
    tail = stream.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or place + 16 > len(tail):
        return 0
    (length,) = struct.unpack("<I", tail[place + 12 : place + 16])
    large = tail.rfind(b"PK\x06\x06")
    if length == 2**32 - 1 and 0 <= large <= len(tail) - 48:
        (length,) = struct.unpack("<Q", tail[large + 40 : large + 48])
    return min(length, size)


def content(path: str, member: zipfile.ZipInfo, most: int = MAX_BYTES) -> bytes:
    """Return up to `most` bytes of a file in an archive; nothing where they are damaged."""
    if member.file_size > most or member.compress_size > MAX_BYTES:
        return b""
    name = len(member.orig_filename.encode(errors="surrogateescape"))
    read = read_range(path, member.header_offset, min(MAX_BYTES, _HEADER + name + 64 + member.compress_size))
    if (start := _start(read)) < 0:
        return b""
    if len(read) < start + member.compress_size:
        start, read = 0, read_range(path, member.header_offset + start, member.compress_size)
    packed = read[start : start + member.compress_size]
    if member.compress_type == zipfile.ZIP_DEFLATED:
        try:
            packed = zlib.decompressobj(-15).decompress(packed, member.file_size + 1)
        except zlib.error:
            return b""
    return packed if len(packed) == member.file_size and zlib.crc32(packed) == member.CRC else b""


def offset(path: str, member: zipfile.ZipInfo) -> int:
    """Return where the bytes of a file in an archive begin; -1 where that is damaged."""
    start = _start(read_range(path, member.header_offset, _HEADER))
    return -1 if start < 0 else member.header_offset + start


def _start(header: bytes) -> int:
    """Return how long a local header is with the name and the extra field; they may differ from those in the list."""
    if len(header) < _HEADER or header[:4] != b"PK\x03\x04":
        return -1
    return _HEADER + sum(struct.unpack("<HH", header[26:30]))


def finds(path: Path) -> bool:
    """Return whether a path is a zip archive."""
    return path.is_file() and first_bytes(path, 4) in (b"PK\x03\x04", b"PK\x05\x06")


KIND = container(
    lambda c: Zip(c.path, c.labels), finds, "a zip archive of images, such as StyleGAN's", has_splits=False
)
