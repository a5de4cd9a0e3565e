"""From any image that Pillow reads to uint8 pixels of one size."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageColor

from jaxgan.base import checks, terminal
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.data.images.levels import Meter, in_window, to_8bit
from jaxgan.data.images.modes import is_deep, keep_fourth_byte, layer, scale_transparent_colour, upright
from jaxgan.data.validation import MAX_CHANNELS

# Height and width of what networks see, at most.
MAX_IMAGE_SIZE = 4096

FITS = ("squeeze", "crop", "pad", "as_is")

# Channels of the modes that Pillow has; images of other numbers of channels are bands without a meaning of colour.
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclasses.dataclass(frozen=True)
class Canvas:
    """What every image is turned into.

    Attributes:
      size: height and width in pixels, or one number for both.
      channels: 1 (grey, ITU-R 601 luma), 2 (grey and alpha), 3 (RGB), 4 (RGB and alpha), or the number of bands.
      fit: 'squeeze' (ignore the aspect), 'crop' (the middle), 'pad' (whole image on the background), 'as_is' (all
        images have one size, which `taking` finds).
      background: a colour that PIL.ImageColor understands, behind transparent images and padding.
      levels: see `DataInfo`; a `Meter` finds them.

    Raises:
      ValueError: if one of them is unknown.
    """

    size: int | tuple[int, int]
    channels: int
    fit: str = "squeeze"
    background: str = "white"
    levels: tuple[float, float] | Meter | None = None

    def __post_init__(self) -> None:
        for side in self.sides:
            checks.in_range("data.image_size", side, 1, MAX_IMAGE_SIZE)
        checks.in_range("data.channels", self.channels, 1, MAX_CHANNELS)
        checks.one_of("data.fit", self.fit, FITS)
        try:
            ImageColor.getrgb(self.background)
        except (ValueError, AttributeError) as error:
            raise UserError(f"data.background is {self.background!r}; expected a colour such as '#8090a0'.") from error

    @property
    def sides(self) -> tuple[int, int]:
        """(H, W)."""
        return sides_of(self.size)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return *self.sides, self.channels

    @property
    def window(self) -> tuple[float, float] | None:
        """The levels; (0, 1) while they are being measured."""
        return (0.0, 1.0) if isinstance(self.levels, Meter) else self.levels

    @property
    def info(self) -> DataInfo:
        """What an image on it is: its shape and levels."""
        return DataInfo(self.shape, 0, levels=self.window)

    @property
    def mode(self) -> str:
        """The Pillow mode of images on it.

        Raises:
          ValueError: Pillow has none of so many channels.
        """
        if self.channels not in MODES:
            raise _other_channels("up to 4", self)
        return MODES[self.channels]

    @property
    def has_alpha(self) -> bool:
        """Whether the last channel of images from files is their transparency."""
        return self.channels in (2, 4)

    @property
    def grey(self) -> float:
        """The background as a share of the way from black to white, or from the low to the high level."""
        return ImageColor.getcolor(self.background, "L") / 255  # type: ignore[operator]

    def fill(self, mode: str) -> float | tuple[int, ...]:
        """Return the background as a pixel of a mode; its own transparency is left out, and padding has none."""
        if mode == "F":
            return self.grey
        colour = ImageColor.getcolor(self.background, mode)
        return (*colour[:-1], 0) if mode in ("LA", "RGBA") else colour  # type: ignore[index]

    def taking(self, sizes: Iterable[tuple[int, int]], what: str) -> Canvas:
        """Return the canvas for images of these sizes, (height, width) each: with fit='as_is' it takes theirs.

        Raises:
          ValueError: fit='as_is', and they have several; `what` says whose they are.
        """
        if self.fit != "as_is":
            return self
        (first, *others) = dict.fromkeys((int(height), int(width)) for height, width in sizes)
        if others:
            listed = " and ".join(f"{height}x{width}" for height, width in (first, *others[:2]))
            raise UserError(
                f"data.fit is 'as_is', but {what} have {1 + len(others)} sizes, such as {listed}; set data.fit to "
                "'crop', 'pad' or 'squeeze', and data.image_size to (height, width)."
            )
        return dataclasses.replace(self, size=first)


def sides_of(size: int | Sequence[int]) -> tuple[int, int]:
    """Return (H, W) of a data.image_size: one number for both, or two.

    Raises:
      ValueError: it is something else.
    """
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if len(sides) != 2 or not all(type(side) is int for side in sides):
        raise UserError(f"data.image_size is {size}; expected a whole number, or two: (height, width).")
    return sides  # type: ignore[return-value]


def _other_channels(has: object, canvas: Canvas) -> UserError:
    return UserError(f"images have {has} channels, but data.channels is {canvas.channels}; set it to theirs.")


def draw(image: Image.Image, canvas: Canvas) -> np.ndarray:
    """Turn an image upright, put it on the background, and resize it.

    Of an animation the first frame is used. Resizing is bicubic, with antialiasing. With an alpha channel, colours are
    weighted by it, and pixels that are wholly transparent get the background's colour.

    Args:
      image: an image of any mode, perhaps not loaded yet.
      canvas: size, channels, fit, background and levels. Without levels, grey of 16 bits is scaled to 8.

    Returns:
      uint8[H, W, C], or uint16 with levels.

    Raises:
      ValueError: it needs levels, or other channels; or about any, where it is damaged.
    """
    scale_transparent_colour(image)
    keep_fourth_byte(image)
    image.load()
    image = upright(image)
    if canvas.levels is not None and is_deep(image):
        return draw_bands(_deep(image, canvas), canvas)
    if canvas.levels is not None and canvas.channels not in MODES:
        raise _other_channels("up to 4", canvas)
    flat = layer(image).convert("RGBA") if canvas.has_alpha else flatten(image, canvas)
    if flat.mode != canvas.mode:
        flat = flat.convert(canvas.mode)
    if canvas.levels is not None:
        return draw_bands(np.asarray(flat), canvas)
    pixels = np.asarray(fit(flat, canvas)).reshape(canvas.shape)
    if canvas.has_alpha:
        colour = np.array(canvas.fill(canvas.mode), np.uint8)
        pixels = np.where(pixels[..., -1:] > 0, pixels, colour)
    return pixels


def _deep(image: Image.Image, canvas: Canvas) -> np.ndarray:
    """Return grey pixels of more than 8 bits [H, W], or [H, W, C] where the last channel is transparency."""
    grey, colour = np.asarray(image), image.info.get("transparency")
    is_clear = grey == colour if isinstance(colour, int) else np.zeros(grey.shape, np.bool_)
    is_measured = isinstance(canvas.levels, Meter)  # by what can be seen alone
    low, high = canvas.window or (0.0, 1.0)
    if is_clear.any():
        grey = np.where(is_clear, np.nan if is_measured else low + (high - low) * canvas.grey, grey)
    if is_measured or not canvas.has_alpha:
        return grey
    return np.stack([*[grey] * (canvas.channels - 1), np.where(is_clear, low, high)], 2)


def draw_array(pixels: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Resize an image that is an array, and bring it to the canvas's channels and levels.

    With as many channels as the canvas, each is a band of its own. Otherwise 1 to 4 channels are grey, grey and alpha,
    RGB, RGB and alpha, as in an image file.

    Args:
      pixels: numbers [H, W] or [H, W, C]; without levels as `to_8bit` takes them.
      canvas: what it becomes.

    Returns:
      uint8[H, W, C], or uint16 with levels.

    Raises:
      ValueError: it has other channels.
    """
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    if canvas.levels is not None or (channels == canvas.channels and channels not in (1, 3)):
        return draw_bands(pixels, canvas)
    if channels not in MODES or canvas.channels not in MODES:
        raise _other_channels(channels, canvas)
    return draw(from_array(pixels), canvas)


def draw_bands(pixels: np.ndarray, canvas: Canvas) -> np.ndarray:
    """Return what `draw_array` does for channels that are resized one by one; one is repeated for all."""
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    if pixels.shape[2] not in (1, canvas.channels):
        raise _other_channels(pixels.shape[2], canvas)
    if isinstance(canvas.levels, Meter):
        canvas.levels.add(pixels)
        return np.zeros(canvas.shape, np.uint16)
    if canvas.levels is None:
        bands = [Image.fromarray(band) for band in np.moveaxis(to_8bit(pixels), 2, 0)]
    else:
        # Before they are resized, which Pillow does in float32: that has no place for 100 levels at 1e9.
        bands = [Image.fromarray(band) for band in np.moveaxis(in_window(pixels, canvas.levels), 2, 0)]
    drawn = np.stack([np.asarray(fit(band, canvas)) for band in bands], -1)
    if canvas.levels is not None:
        drawn = np.rint(np.clip(drawn, 0, 1).astype(np.float64) * 65535).astype(np.uint16)
    return np.ascontiguousarray(np.broadcast_to(drawn, canvas.shape))


def flatten(image: Image.Image, canvas: Canvas) -> Image.Image:
    """Return the image in mode L or RGB, transparent parts showing the background."""
    whole = layer(image)
    if whole.mode != "RGBA":
        return whole
    base = Image.new("RGB", image.size, canvas.fill("RGB"))
    base.paste(whole, mask=whole)
    return base


def fit(image: Image.Image, canvas: Canvas) -> Image.Image:
    """Resize an image of mode L, LA, RGB, RGBA or F to the canvas.

    Raises:
      ValueError: fit='as_is', and it has another size.
    """
    width, height = image.size
    size = canvas.sides[1], canvas.sides[0]
    if image.size == size:
        return image
    if canvas.fit == "as_is":
        raise UserError(f"{height}x{width} pixels, others have {size[1]}x{size[0]}; set data.fit to 'crop' or 'pad'.")
    if canvas.fit == "squeeze":
        return image.resize(size, Image.Resampling.BICUBIC)
    if canvas.fit == "crop":
        is_high = width * size[1] <= height * size[0]
        across, down = (width, width * size[1] / size[0]) if is_high else (height * size[0] / size[1], height)
        left, top = (width - across) / 2, (height - down) / 2
        return image.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + across, top + down))
    scale = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    padded = Image.new(image.mode, size, canvas.fill(image.mode))
    corner = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    padded.paste(image.resize(inner, Image.Resampling.BICUBIC), corner)
    return padded


def say_squeezed(canvas: Canvas, sizes: np.ndarray, what: str) -> None:
    """Say how many images lose their shape, if any do, and how to keep it.

    Args:
      canvas: what they are turned into.
      sizes: their heights and widths, int[N, 2].
      what: what they are called.
    """
    height, width = canvas.sides
    count = int(np.not_equal(sizes[:, 1] * height, sizes[:, 0] * width).sum())
    if count and canvas.fit == "squeeze":
        shape = "are not square" if height == width else "have other proportions"
        terminal.say(
            f"{count:,} of {len(sizes):,} {what} {shape} and are squeezed to {height}x{width}; set data.fit to 'crop' "
            "(the middle) or 'pad' (on data.background) to keep their shape, or data.image_size to (height, width)."
        )


def from_array(pixels: np.ndarray) -> Image.Image:
    """Return a Pillow image of [H, W] or [H, W, 1 to 4] pixels: grey, grey and alpha, RGB, RGBA."""
    pixels = to_8bit(pixels)
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[-1] == 1 else pixels)
