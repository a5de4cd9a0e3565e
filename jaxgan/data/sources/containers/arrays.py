"""Arrays that NumPy wrote: .npy, and .npz of MedMNIST, guided-diffusion, Keras, Kuzushiji-49, Quick Draw.

References:
  J. Yang et al., "MedMNIST v2", 2023.  P. Dhariwal, A. Nichol, "guided-diffusion", 2021.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.base.terminal import printable
from jaxgan.base.types import Config
from jaxgan.data.labels import Labels, asked, chosen, numbered
from jaxgan.data.sources.containers.array_files import ArrayFiles
from jaxgan.data.sources.containers.npy import NPY, Members, as_images
from jaxgan.data.sources.containers.ranges import fingerprint, first_bytes, holds, matching
from jaxgan.data.sources.kind import container, existing
from jaxgan.data.sources.records import Arrays, Records

# Names of arrays of images and of labels, without the name of a split.
IMAGES = ("images", "imgs", "image", "x", "data", "arr_0")
LABELS = ("labels", "label", "y", "targets", "arr_1")

# Files of labels, beside those of images.
_LABEL = re.compile(r"label|target|^y[-_.]", re.IGNORECASE)


def open_arrays(c: Config) -> Records:
    """Open arrays of images, and the labels in the same file or in one beside it (imgs.npz, labels.npz).

    A folder of .npy files with known names (x_train.npy, y_train.npy) is read like one .npz file of these arrays, other
    files as `ArrayFiles` tells.

    Raises:
      FileNotFoundError: if the file is not there.
      ValueError: if it is damaged, or it is not clear which array holds the images.
    """
    path = existing(c.path, "a .npy or .npz file")
    found = matching(path, (".npy", ".npz")) if path.is_dir() else [path]
    named = [file for file in found if file.parent == path and file.suffix.lower() == ".npy"]
    arrays = Members(*named) if len(named) > 1 else None
    if arrays is None or not _named(arrays, c.split):
        others = [file for file in found if not _LABEL.search(file.name)] or found
        if len(others) > 1:
            if beside := [printable(file.name) for file in found if file not in others]:
                terminal.say(
                    f"{', '.join(beside[:5])} in {printable(path)} is not read: of several files a metadata.csv of "
                    "file_name and label has the labels."
                )
            return ArrayFiles(path, others, c)
        arrays = Members(others[0])
    images = _images(arrays, c.split)
    place = f"{images!r} of {printable(arrays.file)}" if images else printable(arrays.file)
    pixels = as_images(arrays.read(images), place)
    beside = [file for file in found if _LABEL.search(file.name)]
    labels = _labels(arrays, images, c.labels, place, beside)
    what = "npy files" if arrays.is_folder else "npz file" if images else "npy file"
    facts = (pixels.shape, pixels.dtype, "" if labels is None else labels.values)
    return Arrays(what, place, pixels, labels, fingerprint("arrays", [arrays.files[images]], images, *facts))


def _named(arrays: Members, split: str) -> str:
    """Return the name of the array of images of a split, as data sets call it; nothing where there is none."""
    splits = {"validation": ("validation", "valid", "val"), "test": ("test",)}
    words = next((known for known in splits.values() if split in known), (split,))
    known = {name.lower(): name for name in arrays.members}
    for word in words:
        for image in IMAGES:
            for name in (f"{word}_{image}", f"{image}_{word}"):
                if name in known:
                    return known[name]
    if split == "train":
        for image in IMAGES:
            if image in known:
                return known[image]
    return ""


def _images(arrays: Members, split: str) -> str:
    """Return the name of the array of images of a split."""
    if "" in arrays.members:
        return ""
    if found := _named(arrays, split):
        return found
    if len(arrays.members) == 1 and split == "train":
        return next(iter(arrays.members))
    names = ", ".join(map(printable, list(arrays.members)[:20]))
    raise UserError(f"{printable(arrays.file)} holds {names}; expected images as {split}_images, x_{split} or arr_0.")


def _labels(arrays: Members, images: str, wanted: str, place: str, others: list[Path]) -> Labels | None:
    """Return the labels whose array or file has the name of the images' but for the word, or the only other file."""
    if names := asked(wanted, set(arrays.members) - {images}, printable(arrays.file)):
        return chosen({name: arrays.read(name) for name in names}, wanted, place)
    for image in sorted(IMAGES, key=len, reverse=True):
        if image in images.lower():
            for label in LABELS:
                for name in arrays.members:
                    if name and name.lower() == images.lower().replace(image, label):
                        return _as_labels(arrays.read(name), place)
    if arrays.is_folder:
        return None
    beside = re.sub("images|imgs|image", "labels", arrays.file.name)
    if beside != arrays.file.name and arrays.file.with_name(beside).is_file():
        others = [arrays.file.with_name(beside)]
    if len(others) == 1 and others[0] != arrays.file:
        other = Members(others[0])
        if len(other.members) == 1:
            return _as_labels(other.read(next(iter(other.members))), place)
    return None


def _as_labels(array: np.ndarray, place: str) -> Labels | None:
    array = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array  # MedMNIST: [N, 1]
    return numbered(list(array) if array.ndim else [], place)


def finds(path: Path) -> bool:
    """Return whether a path is a .npy or .npz file, or a folder of such without images."""
    if path.is_dir():
        return holds(path, (".npy", ".npz"))
    start = first_bytes(path, 6)
    if start == NPY:
        return True
    return start[:4] == b"PK\x03\x04" and path.suffix.lower() == ".npz"


ABOUT = "a .npy or .npz file of images, with labels beside them, or a folder of .npy files"
KIND = container(open_arrays, finds, ABOUT)
