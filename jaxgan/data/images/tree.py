"""The files of a folder that a stranger may have filled: which are images, which are left out, their classes."""

from __future__ import annotations

import collections
import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.data.labels import Labels

# fmt: off
EXTENSIONS = frozenset((
    ".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm", ".pfm", ".tga", ".jp2", ".avif", ".qoi",
))
# fmt: on

# Files of other kinds are counted, but for these, which often lie beside images.
SILENT = frozenset(("", ".txt", ".md", ".db", ".ini"))

# Kinds of images among them, which other programs convert.
CONVERTIBLE = frozenset((".heic", ".heif", ".jxl", ".j2k", ".jpx", ".psd", ".exr", ".hdr", ".svg", ".npy", ".npz"))

# Folders that storage systems and archives add, in lower case.
NOT_CLASSES = frozenset(
    ("__macosx", "@eadir", "#recycle", "#snapshot", "lost+found", "$recycle.bin", "system volume information")
)

# Folders below this many others are left out.
MAX_DEPTH = 64

# Names that are splits rather than classes, for a hint.
SPLITS = {"train", "test", "val", "valid", "validation"}

# How many files a message names for one reason, and how much of each name.
NAMED, NAME_LENGTH = 5, 80

# Why something is left out.
UNREADABLE = "unreadable"
TOO_LARGE = "too large"
SPECIAL = "special, such as FIFOs and devices"
OUTSIDE = "linked to the outside, which data.follow_links allows"
TOO_DEEP = "too deep in folders or too long in their paths"


class LeftOut:
    """What a folder holds that is not used; as text, how many for each reason and the first of them.

    Attributes:
      paths: by reason.
      kinds: how many files have each ending of other kinds.
    """

    def __init__(self, root: Path):
        self._root = root
        self.paths: dict[str, list[str]] = {}
        self.kinds: collections.Counter[str] = collections.Counter()

    def add(self, reason: str, path: str) -> None:
        """Note one path in the folder."""
        self.paths.setdefault(reason, []).append(path)

    @property
    def convertible(self) -> int:
        """How many images of kinds that are not read there are."""
        return sum(count for ending, count in self.kinds.items() if ending in CONVERTIBLE)

    def __len__(self) -> int:
        return sum(map(len, self.paths.values())) + self.kinds.total()

    def __str__(self) -> str:
        parts = [f"{len(paths)} {why} ({few(paths, self._root)})" for why, paths in self.paths.items()]
        if self.kinds:
            common = [f"{count} {terminal.printable(ending)}" for ending, count in self.kinds.most_common(NAMED)]
            more = ", ..." if len(self.kinds) > NAMED else ""
            parts.append(f"{self.kinds.total()} of other kinds ({', '.join(common)}{more})")
        if self.convertible:
            parts[-1] += ", of which images are read once they are converted, as by ImageMagick's mogrify -format png"
        return ", ".join(parts)


def few(paths: list[str], root: Path) -> str:
    """Name the first of some paths in a folder, without their control characters and without what is too long."""
    names = [terminal.printable(name) for name in relative(paths[:NAMED], root)]
    names = [name if len(name) <= NAME_LENGTH else f"...{name[-NAME_LENGTH:]}" for name in names]
    return ", ".join([*names, "..."] if len(paths) > NAMED else names)


def list_images(
    root: Path, left_out: LeftOut, *, follow_links: bool = False, folders: dict[str, int] | None = None
) -> list[str]:
    """Return the paths of all image files in a tree, sorted by their parts.

    Hidden files and folders are passed over. A link is followed if it leads to a place inside the folder, or anywhere
    with `follow_links`; a folder that is reached twice is listed once.

    Args:
      root: the folder.
      left_out: takes what has an image's ending, or is a folder, and is not used.
      follow_links: whether links may lead out of the folder.
      folders: takes each folder that was listed, with the time at which it had last changed, in ns.

    Raises:
      ValueError: if there are none, or a folder may not be read.
    """
    base = os.path.realpath(root)
    found, seen, waiting = [], set(), [(str(root), 0)]
    while waiting:  # not recursive: a tree may be deeper than Python's stack
        folder, depth = waiting.pop()
        real = os.path.realpath(folder)
        if real in seen:  # a link back up the tree
            continue
        seen.add(real)
        if depth > MAX_DEPTH:
            left_out.add(TOO_DEEP, folder)
            continue
        if folders is not None:
            with contextlib.suppress(OSError):  # `_entries` says why
                folders[folder] = os.stat(folder).st_mtime_ns  # before it is listed, so that no change is missed
        subfolders = []
        for entry in _entries(folder, left_out):
            kind = _kind(entry, base, follow_links)
            if kind == "folder":
                subfolders.append((entry.path, depth + 1))
            elif kind == "image":
                found.append(entry.path)
            elif kind == "other":
                left_out.kinds[_ending(entry.name)] += 1
            elif kind is not None:
                left_out.add(kind, entry.path)
        waiting += reversed(subfolders)
    if not found:
        but = f" but what is left out: {left_out}" if left_out else ""
        raise UserError(f"{terminal.printable(root)} holds no images{but}; expected files such as .png, .jpg or .webp.")
    return sorted(found, key=lambda file: file.split(os.sep))


def _entries(folder: str, left_out: LeftOut) -> list[os.DirEntry]:
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            left_out.add(TOO_DEEP, folder)
            return []
        name = terminal.printable(folder)
        raise UserError(f"{name} cannot be read ({error.strerror}); check its permissions.") from error


def _kind(entry: os.DirEntry, base: str, follow_links: bool) -> str | None:
    """Return 'folder', 'image', 'other', a reason to leave the entry out, or None to skip it silently."""
    is_image = _ending(entry.name) in EXTENSIONS
    try:
        is_folder = entry.is_dir()
        if is_folder and entry.name.lower() in NOT_CLASSES:
            return None
        if not (is_folder or is_image):
            return "other" if entry.is_file() and _ending(entry.name) not in SILENT else None
        if entry.is_symlink() and not follow_links and not _is_inside(os.path.realpath(entry.path), base):
            return OUTSIDE
        if is_folder:
            return "folder"
        if entry.is_file():
            return "image"
        return SPECIAL if os.path.exists(entry.path) else UNREADABLE
    except OSError:  # a link to itself, a path too long
        return UNREADABLE if is_image else None


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _is_inside(path: str, base: str) -> bool:
    return path == base or path.startswith(os.path.join(base, ""))


def relative(files: Iterable[str], root: Path) -> list[str]:
    """Return the names within a folder of files that `list_images` found in it."""
    start = len(os.path.join(root, ""))
    return [file[start:] for file in files]


def label_by_folder(files: Iterable[str], place: str, unusable: Iterable[str] = ()) -> Labels | None:
    """Label images by first-level subfolder, None where they have none, and report what may surprise.

    Classes are in numeric order where all names are numbers, else sorted as texts.

    Args:
      files: names in the folder of the images in use.
      place: what to call the folder.
      unusable: other images in it, whose subfolders are classes too.
    """
    parts = [name.split(os.sep) for name in files]
    used = {p[0] for p in parts if len(p) > 1}
    names = sorted(used.union(p[0] for name in unusable if len(p := name.split(os.sep)) > 1))
    loose = sum(len(p) == 1 for p in parts)
    if loose or not used:
        if names:
            terminal.say(f"{place} holds {loose} images beside its subfolders, without a class: no image gets a label.")
        return None
    if all(name.isdecimal() for name in names):
        names = sorted(names, key=lambda name: (int(name), name))
    _report_classes(place, names, used)
    deeper = sorted({"/".join(p[:2]) for p in parts if len(p) > 2})
    if len(deeper) > len(names):
        terminal.say(
            f"The classes of {place} are its {len(names)} subfolders. The {len(deeper)} folders below them, such as "
            f"{deeper[0]}, are none; a metadata.csv of file_name and label makes classes of them."
        )
    number = {name: label for label, name in enumerate(names)}
    return Labels(np.array([number[p[0]] for p in parts], np.int32), tuple(names))


def _report_classes(place: str, names: list[str], used: set[str]) -> None:
    if len(names) == 1:
        terminal.say(f"{place} has one subfolder, {names[0]}, so that all images are of one class, 0.")
    elif SPLITS.issuperset(name.lower() for name in names):
        terminal.say(f"{', '.join(names)} are taken as classes; for one of them alone set data.path to that subfolder.")
    if names != sorted(names):
        terminal.say(
            f"The subfolders of {place} are numbers, and its classes 0..{len(names) - 1} are in their order, from "
            f"{names[0]} to {names[-1]}. Earlier versions sorted them as texts; their runs of such a folder cannot "
            "be resumed."
        )
    if lacking := [name for name in names if name not in used]:
        terminal.say(f"warning: no image of {', '.join(lacking[:NAMED])} in {place} can be read; the class has none.")
