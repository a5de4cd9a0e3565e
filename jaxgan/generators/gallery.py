"""Images of a finished or running training run, as files."""

from __future__ import annotations

import dataclasses
import math
import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import checks, keys
from jaxgan.base.checks import UserError
from jaxgan.base.files import open_regular
from jaxgan.base.pixels import to_levels, visible
from jaxgan.base.types import Array, Config
from jaxgan.gans import compact
from jaxgan.generators.directions import directions
from jaxgan.generators.load import Which, load_with_config
from jaxgan.rundir import layout, saved_config
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.labels import parse_label, shown_labels, shown_vectors
from jaxgan.sampling.pixels import generate_floats, generate_pixels
from jaxgan.sampling.walks import along, interpolate
from jaxgan.views import images


@dataclasses.dataclass(frozen=True)
class Draw:
    """How images are drawn.

    Attributes:
      num: images, or points of a walk; None for a number that suits the file.
      label: of all of them, for a conditional GAN: a class, by number or name, or see `parse_label` for a vector. None
        takes all classes in turn, or vectors of the data.
      z_scale: factor on the latents.
      truncation: see `jaxgan.latents`.
      stats: 'running' or 'batch', see `generate_pixels`; None for the run's config.sample.stats.
      seed: of the latents; None takes the run's own.
    """

    num: int | None = None
    label: int | str | None = None
    z_scale: float = 1.0
    truncation: float | None = None
    stats: str | None = None
    seed: int | None = None

    def check(self) -> None:
        """Raise UserError where a value is wrong for any generator."""
        if not math.isfinite(self.z_scale):
            raise UserError(f"--z_scale={self.z_scale} is no factor; give a finite number, such as 1.")
        if self.seed is not None:
            checks.in_range("--seed", self.seed, 0, 2**32 - 1)

    def key(self, config: Config) -> Array:
        """Return the key of what is drawn."""
        return keys.stream(config.seed if self.seed is None else self.seed, keys.Stream.GALLERY)

    def latents(self, params: GeneratorParams, config: Config, num: int) -> Array:
        """Return float32[num, *latent.shape]: the same ones for the same seed."""
        return self.z_scale * sampler.latents(params, self.key(config), num, self.truncation)

    def pixels(self, params: GeneratorParams, config: Config, z: Array, labels: Array | None) -> np.ndarray:
        """Return uint8[N, H, W, C] as the generator makes them."""
        return generate_pixels(params, z, labels, self.stats or config.sample.stats)

    def values(self, params: GeneratorParams, config: Config, z: Array, labels: Array | None) -> np.ndarray:
        """Return images in the data's own values: float32[N, H, W, C] within config.data.levels; else `pixels`."""
        levels = tuple(config.data.levels)
        if len(levels) != 2:
            return self.pixels(params, config, z, labels)
        return to_levels(generate_floats(params, z, labels, self.stats or config.sample.stats), levels)


LATEST, AS_RUN = Which(), Draw()


def save_samples(
    workdir: str | Path,
    out: str | Path | None = None,
    *,
    which: Which = LATEST,
    draw: Draw = AS_RUN,
    scale: int | None = None,
) -> Path:
    """Draw images from a run's generator and write them to a file or a folder.

    Grids are for the eye: enlarged, and inverted where config.sample.invert says so. Arrays and folders hold what the
    generator made; of a run with config.data.levels, float32 in the data's values.

    Args:
      workdir: folder of the run, or a name that `jaxgan.load` takes.
      out: .png or .jpg for a grid; .npy for uint8[num, H, W, C]; a folder (a new one ends in a slash) for one file an
        image, 000000.png and on, which config.data.path reads. Images of a conditional GAN go to one subfolder a
        class. None writes samples.png into the run.
      which: generator of the run.
      draw: `num` is 64, or ten of each class, where it is None. A grid has one class a row where `num` allows.
      scale: pixels a side for each pixel; None enlarges small grids, and leaves images in a folder alone.

    Returns:
      The file or folder written.

    Raises:
      ValueError, FileNotFoundError: see `jaxgan.load` and `jaxgan.generate`.
    """
    workdir = Path(workdir)
    to_folder = out is not None and is_folder(out)
    out = Path(out or beside(workdir, "samples.png"))
    if to_folder:
        images.check_empty(out)
    else:
        check_out(out, scale, images.STILL)
    draw.check()
    params, config = load_with_config(workdir, which)
    classes = params.num_classes or 0
    num = (10 * classes or 64) if draw.num is None else draw.num
    labels = choose_labels(params, num, draw.label)
    make = draw.values if to_folder or out.suffix.lower() == images.ARRAY else draw.pixels
    pixels, names = make(params, config, draw.latents(params, config, num), labels), params.label_names
    if to_folder:
        given = None if labels is None else np.asarray(labels)
        images.save_folder(out, pixels, given, classes, names=names, scale=scale or 1)
    elif out.suffix.lower() == images.ARRAY:
        images.save_array(out, pixels)
    else:
        by_class = classes and draw.label is None and num % classes == 0
        sheet = images.grid(for_eye(pixels, config), num // classes if by_class else None)
        images.save_for_eye(out, sheet, scale=scale, row_names=names if by_class else ())
    return out


def beside(workdir: Path, name: str) -> Path:
    """Return where an image goes that nobody named: into the folder of a run, or beside it where there is none."""
    return workdir / name if (workdir / layout.CONFIG_FILE).is_file() else workdir.with_name(f"{workdir.stem}_{name}")


def save_walks(
    workdir: str | Path,
    out: str | Path | None = None,
    *,
    which: Which = LATEST,
    draw: Draw = AS_RUN,
    walks: int = 8,
    direction: int | str | None = None,
    scale: int | None = None,
) -> Path:
    """Walk between latents, and for a conditional GAN between classes, and write the images to one file.

    Normal latents are joined by arcs, uniform ones by lines. Each walk of a conditional GAN leads from one class to
    the next by mixing their embeddings, unless `draw.label` holds the class. In an animation a walk keeps to one kind
    (config.model.kinds).

    Args:
      workdir: folder of the run, or a name that `jaxgan.load` takes.
      out: .png or .jpg for a strip a walk, one below the other; .gif to see all walks move, there and back; .npy for
        uint8[walks, num, H, W, C] as the generator made them; None writes interpolation.png into the run.
      which: generator of the run.
      draw: `num` counts the points of a walk: 10 where it is None, or 30 in an animation.
      walks: number of walks.
      direction: a number of `jaxgan.directions` from 0 on, or a .npy file of one, float[*latent.shape]. Walks then lead
        along it, from -3 to 3 standard deviations of z, each with one label. None joins latents.
      scale: pixels a side for each pixel; None enlarges small images.

    Returns:
      The file written.

    Raises:
      ValueError, FileNotFoundError: see `jaxgan.load` and `jaxgan.generate`.
    """
    workdir = Path(workdir)
    out = Path(out or beside(workdir, "interpolation.png"))
    check_out(out, scale, images.ENDINGS)
    draw.check()
    ending = out.suffix.lower()
    num = (30 if ending == images.ANIMATION else 10) if draw.num is None else draw.num
    params, config = load_with_config(workdir, which)
    is_normal, kinds = params.latent.law == "normal", compact.kinds_of(params.module)
    if direction is None:
        start, stop = draw.latents(params, config, 2 * walks).reshape(2, walks, *params.latent.shape)
        if ending == images.ANIMATION and kinds > 1:
            stop = compact.with_kind_of(stop, start, kinds)  # images would jump where the kind changes
        z = interpolate(start, stop, num, spherical=is_normal)
        labels = walk_labels(params, walks, num, draw.label)
    else:
        start = draw.latents(params, config, walks)
        z = along(start, chosen_direction(params, direction), num, 3.0 if is_normal else 3**0.5)
        labels = choose_labels(params, walks, draw.label)
        labels = None if labels is None else labels.repeat(num, 0)
        if kinds > 1:
            z = compact.with_kind_of(z.reshape(walks * num, -1), start.repeat(num, 0), kinds)
    pixels = draw.pixels(params, config, z.reshape(-1, *params.latent.shape), labels)
    by_walk = pixels.reshape(walks, num, *pixels.shape[1:])
    if ending == images.ARRAY:
        images.save_array(out, by_walk)
    elif ending == images.ANIMATION:
        frames = for_eye(by_walk, config).swapaxes(0, 1)
        columns = math.ceil(walks / 2)
        images.save_gif(out, [images.grid(frame, columns) for frame in (*frames, *frames[-2:0:-1])], scale=scale)
    else:
        images.save_for_eye(out, images.grid(for_eye(pixels, config), num), scale=scale)
    return out


def save_progress(workdir: str | Path, out: str | Path, *, scale: int | None = None) -> Path:
    """Join a run's fixed-latent grids, as they lie in its folder, into an animation.

    Args:
      workdir: folder of the run, or a name that `jaxgan.load` takes.
      out: a .gif.
      scale: pixels a side for each pixel; None enlarges small grids for the eye.

    Returns:
      The file written.

    Raises:
      FileNotFoundError: no run, or none with grids.
    """
    workdir, out = Path(workdir), Path(out)
    check_out(out, scale, (images.ANIMATION,))
    config, info = saved_config.load_config(workdir)
    grids = layout.grids(workdir)
    if not grids:
        raise FileNotFoundError(f"{workdir} holds no grids to animate; train with config.train.sample_every above 0.")
    width = min(config.sample.num, config.sample.columns) * info.image_shape[1]
    images.save_gif_of_files(out, grids, scale=scale, width=width)
    return out


def is_folder(out: str | Path) -> bool:
    """Return whether images go to files of their own in `out`: it ends in a slash, or is a folder already."""
    return str(out).endswith(("/", os.sep)) or Path(out).is_dir()


def check_out(out: Path, scale: int | None, endings: tuple[str, ...]) -> None:
    """Raise ValueError unless images can be written to a file of this name, and at this scale."""
    images.check_ending(out, endings)
    if scale is not None and out.suffix.lower() == images.ARRAY:
        raise UserError(f"--scale={scale} is for images to look at, not for arrays such as {out}; leave it out.")
    images.check_scale(scale)


def for_eye(pixels: np.ndarray, config: Config) -> np.ndarray:
    """Return uint8 pixels as the run shows them."""
    shown = visible(pixels, config.sample.channels)
    return images.invert(shown) if config.sample.invert else shown


def walk_labels(params: GeneratorParams, walks: int, num: int, label: int | str | None) -> Array | None:
    """Return label vectors, or class weights float32[walks * num, K], that lead walk i from class i to class i + 1."""
    if not params.is_conditional or label is not None:
        return choose_labels(params, walks * num, label)
    if params.num_classes is None:
        corners = shown_vectors(params, walks + 1)
    else:
        corners = jnp.arange(walks + 1) % params.num_classes
        corners = jax.nn.one_hot(corners, params.num_classes, dtype=jnp.float32)
    return interpolate(corners[:-1], corners[1:], num, spherical=False).reshape(walks * num, -1)


def chosen_direction(params: GeneratorParams, direction: int | str) -> Array:
    """Return a direction float32[*latent.shape] of length 1, by its number or from a .npy file."""
    shape, text = params.latent.shape, str(direction)
    if text.isdecimal() and int(text) < math.prod(shape):
        return directions(params, jax.random.key(0), int(text) + 1)[-1]
    if not text.endswith(images.ARRAY):
        raise UserError(f"--direction={text} is no direction; give one of 0 to {math.prod(shape) - 1}, or a .npy file.")
    try:
        with open_regular(text)[0] as file:
            given = np.load(file, allow_pickle=False)
        step = np.asarray(given, np.float32).reshape(shape)
    except (ValueError, EOFError, TypeError):
        step = np.zeros(shape, np.float32)
    length = np.linalg.norm(step)
    if not 0 < length < np.inf:
        raise UserError(f"--direction={text} is no direction; expected finite numbers, float{list(shape)}, not all 0.")
    return jnp.asarray(step / length)


def choose_labels(params: GeneratorParams, num: int, label: int | str | None) -> Array | None:
    """Return labels for `num` images: what `--label` asks for, or `shown_labels`; None for an unconditional GAN."""
    if label is None:
        return shown_labels(params, num)
    if not params.is_conditional:
        raise UserError(f"--label={label} was given, but this GAN is unconditional; leave it out.")
    return parse_label(params, str(label), num)
