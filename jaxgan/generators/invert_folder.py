"""Images of a folder beside what a generator makes of the latents found for them, as files."""

from __future__ import annotations

import copy
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import to_bytes, to_range, to_uint8
from jaxgan.base.types import Config
from jaxgan.generators import gallery
from jaxgan.generators.invert import image_shape, invert
from jaxgan.generators.load import load_with_config
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.walks import interpolate
from jaxgan.views import images

MOST = 64  # images, where nobody says how many
FRAMES = 30
GAP = 2  # pixels between pairs


def save_inversion(
    workdir: str | Path,
    folder: str | Path,
    out: str | Path | None = None,
    *,
    which: gallery.Which = gallery.LATEST,
    draw: gallery.Draw = gallery.AS_RUN,
    scale: int | None = None,
    starts: int = 8,
    steps: int = 200,
    distance: str = "pixels",
) -> tuple[Path, float]:
    """Find the latents of a folder's images, and write what was found.

    The folder gets sheet.png, each image with its reconstruction to the right; latents.npy, float32[N, *latent.shape],
    in the order of the files' names; labels.npy of a conditional GAN; walk.gif from the first image to the
    second, there and back, where there are two.

    Args:
      workdir: folder of the run, or a name that `jaxgan.load` takes.
      folder: images, of any format and size that training takes.
      out: folder of the results; None writes inversion/ into the run.
      which: generator of the run.
      draw: `num` images, the first 64 where it is None; their `label`, found where it is None; `seed` of the starts.
      scale: pixels a side for each pixel; None enlarges small images.
      starts, steps, distance: see `jaxgan.invert`.

    Returns:
      The folder of the results, and the median peak signal-to-noise ratio of the reconstructions, in dB.

    Raises:
      UserError, FileNotFoundError: see `jaxgan.load`, `jaxgan.open_source` and `jaxgan.invert`.
    """
    workdir, draw_num = Path(workdir), MOST if draw.num is None else draw.num
    out = Path(out or gallery.beside(workdir, "inversion"))
    if out.suffix or out.is_file():
        raise UserError(f"--out={out} is a file; give a folder, which gets a sheet, latents and a walk.")
    images.check_scale(scale)
    draw.check()
    params, config = load_with_config(workdir, which)
    pixels = _read(params, config, folder, draw_num)
    labels = None if draw.label is None else gallery.choose_labels(params, len(pixels), draw.label)
    x = to_range(jnp.asarray(pixels), (-1.0, 1.0))
    found = invert(params, x, draw.key(config), labels=labels, starts=starts, steps=steps, distance=distance)
    pairs = np.concatenate([to_bytes(pixels), np.asarray(to_uint8(found.images))], 2)
    sheet = images.grid(gallery.for_eye(pairs, config), max(1, round((len(pairs) / 2) ** 0.5)), padding=GAP)
    images.save_for_eye(out / "sheet.png", sheet, scale=scale)
    images.save_array(out / "latents.npy", np.asarray(found.latents))
    if found.labels is not None:
        images.save_array(out / "labels.npy", np.asarray(found.labels))
    if len(pairs) > 1:
        walk = _walk(params, config, found.latents[:2], None if found.labels is None else found.labels[:2])
        images.save_gif(out / "walk.gif", [*walk, *walk[-2:0:-1]], scale=scale)
    errors = jnp.square(found.images - x).mean((1, 2, 3))
    return out, float(np.median(10 * np.log10(4 / np.maximum(errors, 1e-12))))


def _read(params: GeneratorParams, config: Config, folder: str | Path, num: int) -> np.ndarray:
    """Return the first images of a folder, [N, H, W, C], as the generator's data were read."""
    height, width, channels = image_shape(params)
    settings = copy.deepcopy(config.data)
    settings.update(source="auto", path=str(folder), labels="", skip=0, mirror=False, cache="none", batch_size=1)
    settings.update(image_size=(height, width), channels=channels)
    if settings.fit == "as_is":
        settings.fit = "squeeze"
    source = data.open_source(settings)
    return source.read(np.arange(min(num, source.info.num_images)))[0]


def _walk(params: GeneratorParams, config: Config, ends: jax.Array, labels: jax.Array | None) -> np.ndarray:
    """Return frames uint8[N, H, W, C] from one latent to another, and from its label to the other's."""
    z = interpolate(ends[:1], ends[1:], FRAMES, spherical=params.latent.law == "normal")[0]
    if labels is not None:
        weights = labels if labels.ndim > 1 else jax.nn.one_hot(labels, params.num_classes or 0)
        labels = interpolate(weights[:1], weights[1:], FRAMES, spherical=False)[0]
    return gallery.for_eye(gallery.AS_RUN.pixels(params, config, z, labels), config)
