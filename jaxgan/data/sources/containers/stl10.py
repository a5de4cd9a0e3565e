"""STL-10: train_X.bin, test_X.bin and unlabeled_X.bin, each image by channel, column and row.

References:
  A. Coates, H. Lee, A. Y. Ng, "An analysis of single-layer networks in unsupervised feature learning", 2011.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.images.decode import content_of
from jaxgan.data.labels import numbered
from jaxgan.data.sources.containers.ranges import fingerprint, first_bytes
from jaxgan.data.sources.kind import container, existing_folder
from jaxgan.data.sources.records import Arrays

SPLITS = ("train", "test", "unlabeled")
SHAPE = 3, 96, 96


def open_stl10(c: Config) -> Arrays:
    """Map a split of STL-10; its labels 1..10 become 0..9.

    Raises:
      FileNotFoundError: if the folder or the file of the split is not there.
      ValueError: if a file is damaged.
    """
    checks.one_of("data.split", c.split, SPLITS)
    folder = existing_folder(c.path, "with train_X.bin")
    file, numbers = folder / f"{c.split}_X.bin", folder / f"{c.split}_y.bin"
    stream, size = open_regular(file)
    with stream:
        count, rest = divmod(size, int(np.prod(SHAPE)))
        if rest or not count:
            raise UserError(f"{printable(file)} has {size:,} bytes, no whole number of images; get it again.")
        images = np.memmap(stream, np.uint8, "r", 0, (count, *SHAPE)).view(np.ndarray).transpose(0, 3, 2, 1)
    labels, files = None, [file]
    if numbers.is_file():
        values = np.frombuffer(content_of(str(numbers), count + 1), np.uint8).astype(np.int64) - 1
        labels, files = numbered(values, printable(numbers), _names(folder)), [file, numbers]
    return Arrays("STL-10", printable(folder), images, labels, fingerprint("stl10", files))


def _names(folder: Path) -> list[str]:
    names = first_bytes(folder / "class_names.txt", 2**12).decode(errors="replace").split()
    return names if len(names) == 10 else list(map(str, range(10)))


def finds(path: Path) -> bool:
    """Return whether a path is a folder with STL-10."""
    return path.is_dir() and any((path / f"{split}_X.bin").is_file() for split in SPLITS)


KIND = container(open_stl10, finds, "a folder of STL-10, with train_X.bin")
