"""Images as files: uint8, grids, PNG, JPEG, GIF, NumPy."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from jaxgan.base import checks, files
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import visible
from jaxgan.base.terminal import say
from jaxgan.views.names import beside_rows

JPEG, ARRAY, ANIMATION = (".jpg", ".jpeg"), ".npy", ".gif"
T = TypeVar("T")

STILL = (".png", *JPEG, ARRAY)
ENDINGS = (*STILL, ANIMATION)

MOST_SCALE = 32  # pixels a side for each pixel; a grid of 64 images of 64x64 then takes 0.8 GB

# Longer side, in pixels, up to which small images are enlarged for the eye; the second where they are many.
SIDE, SMALL_SIDE = 1000, 500

# The shortest time that viewers show a frame for as it is asked, and how long an animation lasts.
FRAME_MS, GIF_MS = 40, 6000
MOST_FRAMES = GIF_MS // FRAME_MS

JPEG_SIDE = 65_500  # the format has no more
MOST_PIXELS = 50_000_000  # of an image that is read back
GIF_PIXELS = 2**27  # of all frames of an animation, which are in memory together


def invert(images: np.ndarray) -> np.ndarray:
    """Swap black and white in uint8 images."""
    return 255 - images


def grid(images: np.ndarray, columns: int | None = None, *, padding: int = 0) -> np.ndarray:
    """Lay images out row by row.

    Args:
      images: uint8[N, H, W, C].
      columns: images in a row; None for a grid as near to a square as can be.
      padding: black pixels between images.

    Returns:
      uint8[rows * (H + padding) - padding, columns * (W + padding) - padding, C]; missing places are black, or white
      where the images' corners are light.
    """
    num, height, width, channels = images.shape
    in_row = min(num, columns or math.ceil(math.sqrt(num)))
    rows = math.ceil(num / in_row)
    images = np.asarray(images)
    canvas = np.zeros((rows, height + padding, in_row, width + padding, channels), np.uint8)
    canvas[-1, :height, :, :width] = 255 * (np.median(images[:, [0, 0, -1, -1], [0, -1, 0, -1]]) > 127)
    for i, image in enumerate(images):
        canvas[i // in_row, :height, i % in_row, :width] = image
    canvas = canvas.reshape(rows * (height + padding), in_row * (width + padding), channels)
    return canvas[: canvas.shape[0] - padding, : canvas.shape[1] - padding]


def scale_for_eye(image: np.ndarray, side: int = SIDE) -> int:
    """Return the largest whole factor that keeps an image [H, W, C] within `side` pixels, at least 1."""
    return max(1, side // max(image.shape[:2]))


def enlarge(image: np.ndarray, scale: int) -> np.ndarray:
    """Repeat every pixel of [H, W, C], so that none is blurred: [scale * H, scale * W, C]."""
    return image if scale == 1 else image.repeat(scale, 0).repeat(scale, 1)


def to_pil(image: np.ndarray) -> Image.Image:
    """Turn uint8[H, W, C] into a Pillow image: grey, grey and alpha, RGB, RGB and alpha.

    Raises:
      ValueError: more channels.
    """
    if image.shape[-1] > 4:
        raise UserError(f"images have {image.shape[-1]} channels, too many for an image file; write a .npy file.")
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def check_ending(path: str | os.PathLike[str], endings: Sequence[str] = ENDINGS) -> None:
    """Raise ValueError unless the name of a file has one of some endings."""
    if Path(path).suffix.lower() not in endings:
        raise UserError(f"{path} has no ending that images are written to; use one of {', '.join(endings)}.")


def check_scale(scale: int | None) -> None:
    """Raise UserError for a scale that no image is enlarged by."""
    if scale is not None:
        checks.in_range("--scale", scale, 1, MOST_SCALE)


def check_empty(folder: Path) -> None:
    """Raise ValueError where a folder holds something."""
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty, and old and new images would mix; give a new or an empty folder.")


def save(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write one image uint8[H, W, C] as .png or .jpg; folders are made, and a file appears whole or not at all.

    One of floats becomes a .tiff.
    """
    is_jpeg = Path(path).suffix.lower() in JPEG
    if image.dtype != np.uint8:
        if image.shape[-1] > 1:
            raise UserError(f"images of levels have {image.shape[-1]} channels; write them to a .npy file.")
        files.write(path, lambda half: Image.fromarray(image[..., 0].astype(np.float32)).save(half, format="TIFF"))
        return
    if is_jpeg and max(image.shape[:2]) > JPEG_SIDE:
        raise UserError(f"{path} would be {image.shape[1]} x {image.shape[0]} pixels, too many for JPEG; write .png.")
    made = to_pil(visible(image) if is_jpeg else image)
    files.write(path, lambda half: made.save(half, format="JPEG" if is_jpeg else "PNG"))


def save_for_eye(
    path: str | os.PathLike[str],
    image: np.ndarray,
    *,
    scale: int | None = None,
    side: int = SIDE,
    row_names: Sequence[str] = (),
) -> None:
    """Write one image uint8[H, W, C] as .png or .jpg, each pixel as scale x scale; None: see `scale_for_eye`.

    Names stand beside the rows of a grid, one for each, where any are given.
    """
    large = enlarge(image, scale or scale_for_eye(image, side))
    save(path, beside_rows(large, row_names) if row_names else large)


def save_array(path: str | os.PathLike[str], array: np.ndarray) -> None:
    """Write an array in NumPy's format to a file of any name."""

    def write(half: Path) -> None:
        with half.open("wb") as file:
            np.save(file, array)

    files.write(path, write)


def save_folder(
    path: str | os.PathLike[str],
    images: np.ndarray,
    labels: np.ndarray | None,
    num_classes: int,
    *,
    names: Sequence[str] = (),
    scale: int = 1,
) -> None:
    """Write each image to a file of its own: 000000.png, ..., as a data set that the source `folder` reads.

    Label vectors go to metadata.csv, a row for each image.

    Args:
      path: the folder, made if missing.
      images: uint8[N, H, W, C]; or floats [N, H, W, 1], which become .tiff files.
      labels: int[N] in 0..K-1: each image goes to the subfolder of its class; float[N, L]; None for no labels.
      num_classes: K, which decides how many digits the names of subfolders have, so that they sort as numbers do.
      names: of the classes, for their subfolders where they are read back in that order, or of a vector's numbers.
      scale: pixels a side for each pixel.

    Raises:
      ValueError: the folder holds something already, which would mix with the new images.
    """
    folder = Path(path)
    check_empty(folder)
    digits = len(str(num_classes - 1))
    places = list(names) if are_folders(names) else [f"{i:0{digits}}" for i in range(num_classes)]
    ending = ".png" if images.dtype == np.uint8 else ".tiff"

    def write(i: int) -> None:
        place = folder if labels is None or labels.ndim > 1 else folder / places[labels[i]]
        save(place / f"{i:06}{ending}", enlarge(images[i], scale))

    if labels is not None and labels.ndim > 1:
        heads = ["file_name", *(names or map(str, range(labels.shape[1])))]
        rows = [[f"{i:06}{ending}", *(f"{number:.6g}" for number in row)] for i, row in enumerate(labels)]
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows([heads, *rows])
        files.write(folder / "metadata.csv", text.getvalue().encode())

    # Threads mostly wait for the disk.
    threads = ThreadPoolExecutor(8, thread_name_prefix="images")
    try:
        list(threads.map(write, range(len(images))))
    finally:
        threads.shutdown(cancel_futures=True)


def are_folders(names: Sequence[str]) -> bool:
    """Return whether names of classes, perhaps of a stranger, can be those of subfolders, and sort as classes do."""
    is_sorted = bool(names) and list(names) == sorted(names) and not all(map(str.isdecimal, names))
    return is_sorted and all(
        name.isprintable() and 0 < len(name) <= 100 and name[0] != "." and not {*name} & {*'/\\:*?"<>|'}
        for name in names
    )


def save_gif_of_files(
    path: str | os.PathLike[str], paths: Sequence[Path], *, scale: int | None = None, width: int | None = None
) -> None:
    """Join image files into an animation, of fewer frames where they have many pixels.

    Args:
      path: a .gif.
      paths: at least one PNG, oldest first. Smaller ones are enlarged and set on black to the size of the largest.
      scale: see `save_gif`.
      width: of the images before they were enlarged for the eye, which `scale` counts from; None for as they are.
    """
    chosen = affordable(evenly(paths, MOST_FRAMES))
    frames = [frame for frame in (_read_frame(one, width) for one in chosen) if frame is not None]
    if not frames:
        raise UserError(f"none of {len(paths)} images in {paths[0].parent} can be read, so there is no animation.")
    channels = max(frame.shape[-1] for frame in frames)
    frames = [np.broadcast_to(frame, (*frame.shape[:2], channels)) for frame in frames]
    save_gif(path, _same_size(frames), scale=scale)


def affordable(paths: list[Path]) -> list[Path]:
    """Return so many of the images, evenly spaced, that frames of the greatest height and width fit in memory."""
    sizes = {path: _size(path) for path in paths}
    height, width = map(max, zip(*sizes.values(), strict=True))
    if height * width > MOST_PIXELS:  # one image is high and another one is wide
        height, width = list(sizes.values())[-1]
        paths = [path for path in paths if sizes[path][0] <= height and sizes[path][1] <= width]
    return evenly(paths, max(2, GIF_PIXELS // max(1, height * width)))


def _size(path: Path) -> tuple[int, int]:
    """Return the height and width in the header of an image, or zeros where it cannot be read."""
    try:
        with open_png(path) as image:
            return image.height, image.width
    except OSError:
        return 0, 0


def open_png(file: Any) -> Image.Image:
    """Open a PNG that may come from anybody: other formats, some of which start programs, and huge ones are refused.

    Args:
      file: path, or file object.

    Raises:
      OSError: it is none, or has too many pixels.
    """
    try:
        image = Image.open(file, formats=("PNG",))
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, ValueError, SyntaxError) as error:
        raise OSError(f"no image that can be read ({error})") from error
    if image.width * image.height > MOST_PIXELS:
        image.close()
        raise OSError(f"an image of {image.width} x {image.height} pixels")
    return image


def _read_frame(path: Path, width: int | None) -> np.ndarray | None:
    """Read a grid as uint8[H, W, 1 or 3], not enlarged; one that cannot be read is left out with a warning."""
    try:
        with open_png(path) as image:
            pixels = np.asarray(image.convert("L" if image.mode in ("1", "L") else "RGB"))
        factor = max(1, pixels.shape[1] // (width or pixels.shape[1]))
        return pixels[::factor, ::factor].reshape(-(-pixels.shape[0] // factor), -(-pixels.shape[1] // factor), -1)
    except (OSError, ValueError, SyntaxError) as error:
        say(f"warning: {path} cannot be read and was left out ({error})")
        return None


def _same_size(frames: list[np.ndarray]) -> list[np.ndarray]:
    height, width = (max(frame.shape[axis] for frame in frames) for axis in (0, 1))
    even = []
    for frame in frames:
        frame = enlarge(frame, min(height // frame.shape[0], width // frame.shape[1]))
        missing = height - frame.shape[0], width - frame.shape[1]
        even.append(np.pad(frame, ((0, missing[0]), (0, missing[1]), (0, 0))) if any(missing) else frame)
    return even


def evenly(items: Sequence[T], most: int) -> list[T]:
    """Return at most `most` (two or more) of the items, evenly spaced, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def save_gif(path: str | os.PathLike[str], frames: Iterable[np.ndarray], *, scale: int | None = None) -> None:
    """Write frames as an endless animation of about six seconds, with at most 150 of them.

    Args:
      path: a .gif.
      frames: uint8[H, W, C], all of one shape, at least one.
      scale: pixels a side for each pixel; None enlarges small frames for the eye.
    """
    frames = evenly(list(frames), MOST_FRAMES)
    scale = scale or scale_for_eye(frames[0], SMALL_SIDE)
    first, *rest = (to_pil(enlarge(frame, scale)) for frame in frames)
    duration = max(FRAME_MS, GIF_MS // len(frames))
    how = {"format": "GIF", "save_all": True, "append_images": rest, "duration": duration, "loop": 0}
    files.write(path, lambda half: first.save(half, **how))
