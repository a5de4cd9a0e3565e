"""What a folder of images holds, found once: large folders are remembered until one of their subfolders changes."""

from __future__ import annotations

import dataclasses
import os
import time
import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from jaxgan.base import digests, store, terminal
from jaxgan.base.checks import UserError
from jaxgan.data.images.decode import Header, look
from jaxgan.data.images.threads import Workers
from jaxgan.data.images.tree import LeftOut, list_images, relative

# Smaller folders are looked through at each start, which takes seconds and sees files that were overwritten, too.
LARGE = 100_000

# File systems tell times to a second or two: a folder that changed so lately may change again without telling.
SETTLED = 3.0

_VERSION = "folder-3"  # of the stored form


@dataclasses.dataclass(frozen=True)
class Scan:
    """The images of a folder.

    Attributes:
      files: paths of the N images that are of use, sorted.
      headers: int64[N, 4], bytes of each file, width and height of its image, whether it is an animation.
      left_out: what is not used.
    """

    files: list[str]
    headers: np.ndarray
    left_out: LeftOut


def scan(root: Path, workers: Workers, *, follow_links: bool = False, channels: int = 0) -> Scan:
    """Find the images of a folder, and read the header of each; of a large one, only if it has changed.

    A change is a new time of the folder or of one below it: files that came, went or were renamed. A file that was
    overwritten in a large folder is not seen. What was found is kept in `store.cache_folder()`.

    Args:
      root: the folder.
      workers: threads that read headers.
      follow_links: whether links may lead out of the folder.
      channels: how many are asked for; TIFF files of as many bands are of use.

    Raises:
      ValueError: no image is of use, or a folder may not be read.
    """
    place = _place(root, follow_links, channels)
    known = _recall(place, root)
    if known is not None:
        return known
    began, folders, left_out = time.time(), dict[str, int](), LeftOut(root)
    found = list_images(root, left_out, follow_links=follow_links, folders=folders)
    looks = _look(found, workers, channels)
    sound = [i for i, one in enumerate(looks) if isinstance(one, Header)]
    for file, one in zip(found, looks, strict=True):
        if not isinstance(one, Header):
            left_out.add(one, file)
    if not sound:
        raise UserError(f"No image in {terminal.printable(root)} is of use: {left_out}; replace them.")
    headers = np.array([looks[i] for i in sound], np.int64).reshape(-1, 4)
    result = Scan([found[i] for i in sound], headers, left_out)
    if len(found) >= LARGE and max(folders.values()) < (began - SETTLED) * 1e9:
        _keep(place, root, result, folders)
    return result


def _look(files: list[str], workers: Workers, channels: int) -> list[Header | str]:
    """Return the headers of files, or why they are of no use."""
    looks: list[Header | str] = [""] * len(files)

    def one(i: int) -> None:
        looks[i] = look(files[i], channels)

    with warnings.catch_warnings():  # of Pillow, about sizes that `look` refuses
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        workers.run(one, len(files))
    return looks


def _place(root: Path, follow_links: bool, channels: int) -> Path:
    places = ascii(os.fspath(root)), ascii(os.path.realpath(root))
    name = digests.array_digest(_VERSION, *places, str(follow_links), str(channels))
    return store.cache_folder() / "folders" / f"{name}.npz"


def _recall(place: Path, root: Path) -> Scan | None:
    """Return what was found, where the folders are as they were."""
    try:
        arrays, facts = store.load(place)
        folders = zip(_texts(arrays["folders"]), arrays["times"], strict=True)
        if any(os.stat(os.path.join(root, folder)).st_mtime_ns != when for folder, when in folders):
            return None
        left_out = LeftOut(root)
        left_out.paths.update(facts["left_out"])
        left_out.kinds.update(facts["kinds"])
        return Scan([os.path.join(root, name) for name in _texts(arrays["files"])], arrays["headers"], left_out)
    except (OSError, ValueError, LookupError):  # not there, damaged, or a folder is gone
        return None


def _keep(place: Path, root: Path, found: Scan, folders: dict[str, int]) -> None:
    """Remember what was found; where that fails, it is found again next time."""
    arrays = {
        "files": _bytes(relative(found.files, root)),
        "headers": found.headers,
        "folders": _bytes(os.path.relpath(folder, root) for folder in folders),
        "times": np.array(list(folders.values()), np.int64),
    }
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        store.save(place, arrays, {"left_out": found.left_out.paths, "kinds": found.left_out.kinds})
    except (OSError, ValueError):
        return


def _bytes(names) -> np.ndarray:
    return np.frombuffer(os.fsencode("\0".join(names)), np.uint8)


def _texts(array: np.ndarray) -> list[str]:
    return os.fsdecode(array.tobytes()).split("\0")
