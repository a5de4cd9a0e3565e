"""The MNIST digits, shipped with the package (see NOTICE for authors and licence)."""

from __future__ import annotations

import gzip
import hashlib
import importlib.resources
import io
import zlib

import numpy as np

from jaxgan.base import checks, digests
from jaxgan.base.checks import UserError
from jaxgan.data.images.converted import on_canvas
from jaxgan.data.memory import InMemory
from jaxgan.data.sources import idx
from jaxgan.data.sources.kind import Kind

# MD5 of the unpacked files, as widely published. They tell a damaged installation from a real result.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}


def open_mnist(split: str) -> InMemory:
    """Read the embedded MNIST digits.

    Args:
      split: 'train' (60,000 images) or 'test' (10,000).

    Returns:
      Images uint8[N, 28, 28, 1] with 0 for the background, and labels 0..9.

    Raises:
      ValueError: if there is no such split, or an embedded file is damaged.

    References:
      LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    checks.one_of("data.split", split, idx.PREFIXES)
    stem = {"train": "train", "test": "t10k"}[split]
    images_file, labels_file = f"{stem}-images-idx3-ubyte", f"{stem}-labels-idx1-ubyte"
    images, labels = _read(images_file, 3), _read(labels_file, 1)
    return InMemory(images[..., None], labels.astype(np.int32), 10, digests.digest(MD5[images_file], MD5[labels_file]))


def _read(name: str, num_dims: int) -> np.ndarray:
    content = _unpack(name)
    return idx.parse(io.BytesIO(content), (num_dims,), name, (len(content), len(content)))


def _unpack(name: str) -> bytes:
    packed = importlib.resources.files(__name__).joinpath(f"{name}.gz").read_bytes()
    try:
        content = gzip.decompress(packed)
    except (OSError, EOFError, zlib.error):
        content = b""
    if hashlib.md5(content, usedforsecurity=False).hexdigest() != MD5[name]:
        raise UserError(f"The embedded MNIST file {name}.gz is damaged, by its MD5; install jaxgan again.")
    return content


KIND = Kind(lambda c, canvas, workers: on_canvas(open_mnist(c.split), canvas, workers))
