"""SVHN, the cropped digits: train_32x32.mat, test_32x32.mat and extra_32x32.mat.

References:
  Y. Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from jaxgan.base import checks
from jaxgan.base.files import open_regular
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.labels import numbered
from jaxgan.data.limits import unpacked_bytes
from jaxgan.data.sources.containers.probe import MEMORY, survives
from jaxgan.data.sources.containers.ranges import fingerprint, first_bytes
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Arrays

SPLITS = ("train", "test", "extra")


# A damaged file may end the process that reads it, so a child tries it first, unless it claims too much.
_PROBE = """
import math, sys, scipy.io
if sum(math.prod(shape) for _, shape, _ in scipy.io.whosmat(sys.argv[1])) <= int(sys.argv[2]):
    scipy.io.loadmat(sys.argv[1], variable_names=["X", "y"])
"""


def open_svhn(c: Config) -> Arrays:
    """Read a split of SVHN, or a .mat file with X [H, W, C, N] and y [N, 1]; the label 10 is the digit 0.

    Raises:
      FileNotFoundError: if the file is not there.
      ValueError: if it is damaged or holds something else.
    """
    checks.one_of("data.split", c.split, SPLITS)
    path = existing(c.path, "SVHN's .mat file, or a folder of such")
    file = path / f"{c.split}_32x32.mat" if path.is_dir() else path
    place, scipy_io = printable(file), checks.needed("scipy.io", "formats")
    stream, size = open_regular(file)
    most = int(min(unpacked_bytes(), 1032 * size))
    survives(_PROBE, [str(file), str(most)], place, MEMORY + 4 * most)
    with stream, checks.damaged(f"{place} is no file of SVHN"):
        shapes = {name: (shape, kind) for name, shape, kind in scipy_io.whosmat(stream)}
        shape, kind = shapes.get("X", ((), ""))
        if len(shape) not in (3, 4) or kind != "uint8" or "y" not in shapes:
            raise ValueError(f"it holds {', '.join(shapes)}; expected X of uint8 [H, W, C, N], and y")
        if (needed := math.prod(shape)) > most:
            raise ValueError(f"it claims {needed:,} pixels in {size:,} bytes")
        stream.seek(0)
        found = scipy_io.loadmat(stream, variable_names=["X", "y"])
        images, labels = np.atleast_3d(found["X"]), np.asarray(found["y"]).reshape(-1).astype(np.int64)
    images = images[..., None] if images.ndim == 3 else images  # MATLAB drops a last axis of 1
    names = list(map(str, range(10)))
    known = numbered(np.where(labels == 10, 0, labels), place, names)
    return Arrays("SVHN", place, images.transpose(3, 0, 1, 2), known, fingerprint("svhn", [file]))


def finds(path: Path) -> bool:
    """Return whether a path is a .mat file of MATLAB 5, or a folder with SVHN's."""
    if path.is_dir():
        return any((path / f"{split}_32x32.mat").is_file() for split in SPLITS)
    return first_bytes(path, 10) == b"MATLAB 5.0"


KIND = container(open_svhn, finds, "SVHN's .mat files")
