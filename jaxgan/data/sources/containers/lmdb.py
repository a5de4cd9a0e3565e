"""LMDB databases of encoded images: LSUN, BasicSR, and those that StyleGAN2 in PyTorch (rosinality) prepares.

References:
  F. Yu et al., "LSUN: construction of a large-scale image dataset using deep learning with humans in the loop", 2015.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any

from jaxgan.base import checks, digests
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.sources.containers.probe import survives
from jaxgan.data.sources.containers.ranges import first_bytes
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Records

FILE = "data.mdb"
_MAGIC = b"\xde\xc0\xef\xbe"

# Keys that hold no images.
OTHERS = (b"length", b"__len__", b"__keys__", b"num-samples", b"meta")

# Of rosinality's prepare_data.py: an image's size and number.
_NUMBERED = re.compile(rb"([0-9]{1,5})-([0-9]{1,12})")

# Reads the whole database: a damaged one may end the process, so a child tries it first.
_PROBE = """
import lmdb, sys
env = lmdb.open(sys.argv[1], readonly=True, lock=False, readahead=False, subdir=sys.argv[2] == "1", max_readers=1)
with env.begin(buffers=True) as txn:
    for key, value in txn.cursor():
        if len(value):
            value[0], value[-1]
"""


class Lmdb(Records):
    """The images of a database, in the order of their keys; numbered ones (64-00000) in that of their numbers.

    Of numbered images in several sizes the smallest is taken that is no smaller than data.image_size.

    Args:
      c: the data section of a config; path and image_size are read.

    Raises:
      FileNotFoundError: if the path is not there.
      ValueError: if it is damaged or holds no images.
    """

    def __init__(self, c: Config):
        path = existing(c.path, f"a folder with {FILE}")
        path = path.parent if path.name == FILE else path
        file = path / FILE if path.is_dir() else path
        self.what, self.place = "LMDB", printable(path)
        open_regular(file)[0].close()
        survives(_PROBE, [str(path), str(int(path.is_dir()))], self.place)
        checks.needed("lmdb", "formats")
        with checks.damaged(f"{self.place} is no LMDB database"):
            self._env = _environment(os.path.realpath(path), path.is_dir(), os.stat(file).st_mtime_ns)
            with self._env.begin() as transaction:
                keys = [key for key in transaction.cursor().iternext(values=False) if key not in OTHERS]
        sides = c.image_size if isinstance(c.image_size, int) else max(c.image_size)
        self._keys = _ordered(keys, sides)
        if not self._keys:
            raise UserError(f"{self.place} holds no images; expected encoded images as the values of its keys.")
        self.fingerprint = digests.digest("lmdb", *self._keys[:1000], len(self._keys), file.stat().st_size)

    def __len__(self) -> int:
        return len(self._keys)

    def raw(self, row: int) -> bytes:
        """Return an encoded image."""
        with checks.damaged(f"{self.place} is damaged"), self._env.begin() as transaction:
            return transaction.get(self._keys[row]) or b""

    def name(self, row: int) -> str:
        """Return the key of an image."""
        return printable(self._keys[row].decode(errors="replace"))[:80]


@functools.cache  # a process may open a database once
def _environment(path: str, is_folder: bool, changed: int) -> Any:
    options = {"readonly": True, "lock": False, "readahead": False, "subdir": is_folder}
    return checks.needed("lmdb", "formats").open(path, max_readers=1024, **options)


def _ordered(keys: list[bytes], side: int) -> list[bytes]:
    """Return the keys of one size of images, in the order of their numbers; others as they are."""
    found = [_NUMBERED.fullmatch(key) for key in keys]
    numbers = [(int(match[1]), int(match[2]), key) for key, match in zip(keys, found, strict=True) if match]
    if len(numbers) < len(keys):
        return keys
    sizes = sorted({size for size, _, _ in numbers})
    taken = next((size for size in sizes if size >= side), sizes[-1] if sizes else 0)
    return [key for size, _, key in sorted(numbers) if size == taken]


def finds(path: Path) -> bool:
    """Return whether a path is a database of LMDB."""
    file = path / FILE if path.is_dir() else path
    return first_bytes(file, 20)[16:20] == _MAGIC


KIND = container(Lmdb, finds, "an LMDB database of encoded images, such as LSUN", has_splits=False)
