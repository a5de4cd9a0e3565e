"""Pictures of a finished or running training run, as files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.base import keys, machine
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import to_uint8
from jaxgan.base.types import Array, Config
from jaxgan.runs import folder
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.walks import interpolate as walk
from jaxgan.show import images

# Pictures made at once, which bounds memory.
CHUNK = 256


def sample(
    run: str | Path,
    out: str | Path | None = None,
    *,
    num: int | None = None,
    label: int | None = None,
    z_scale: float = 1.0,
    stats: str | None = None,
    weights: str = "ema",
    step: int | str = "latest",
    seed: int | None = None,
) -> Path:
    """Draw pictures from a run's generator and write them to one file.

    Args:
      run: folder of the run.
      out: .png or .jpg for a grid, .npy for uint8[num, H, W, C], .gif for the run's fixed-latent grids over time (the
        other arguments do not matter then); None writes samples.png into the run.
      num: how many pictures; None for 64, or for ten of each class.
      label: class of all of them, for a conditional GAN; None takes all classes, one a row where `num` allows.
      z_scale: factor on the latents.
      stats: 'running' or 'batch', see `jaxgan.generate`; None for the run's config.sample.stats.
      weights: 'ema' or 'raw', see `jaxgan.load`.
      step: 'latest' or a saved step.
      seed: of the latents; None takes the run's own.

    Returns:
      The file written.

    Raises:
      ValueError, FileNotFoundError: see `jaxgan.load` and `jaxgan.generate`.
    """
    run = Path(run)
    out = Path(out or run / "samples.png")
    images.check_ending(out)
    if out.suffix.lower() == ".gif":
        return progress(run, out)
    params, z_key, config = open_run(run, step, weights, seed)
    classes = params.num_classes or 0
    num = num or 10 * classes or 64
    labels = choose_labels(params, num, label)
    pixels = draw(params, z_scale * sampler.latents(params, z_key, num), labels, stats or config.sample.stats)
    by_class = classes and label is None and num % classes == 0
    write(out, pixels, num // classes if by_class else None, invert=config.sample.invert)
    return out


def interpolate(
    run: str | Path,
    out: str | Path | None = None,
    *,
    num: int | None = None,
    label: int | None = None,
    weights: str = "ema",
    step: int | str = "latest",
    seed: int | None = None,
    walks: int = 8,
) -> Path:
    """Walk between latents, and for a conditional GAN between classes, and write the pictures to one file.

    Normal latents are joined by arcs, uniform ones by lines. Each walk of a conditional GAN leads from one class to
    the next by mixing their embeddings, unless `label` holds the class.

    Args:
      run: folder of the run.
      out: .png or .jpg for a strip a walk, one below the other; .gif to see all walks move, there and back; .npy for
        uint8[walks, num, H, W, C]; None writes interpolation.png into the run.
      num: points of a walk; None for 10, or 30 in an animation.
      label: see `sample`; also `weights`, `step`, `seed`.
      walks: number of walks.

    Returns:
      The file written.

    Raises:
      ValueError, FileNotFoundError: see `jaxgan.load` and `jaxgan.generate`.
    """
    run = Path(run)
    out = Path(out or run / "interpolation.png")
    images.check_ending(out)
    ending = out.suffix.lower()
    num = num or (30 if ending == ".gif" else 10)
    params, z_key, config = open_run(run, step, weights, seed)
    start, stop = sampler.latents(params, z_key, 2 * walks).reshape(2, walks, *params.latent.shape)
    z = walk(start, stop, num, spherical=params.latent.law == "normal")
    labels = walk_labels(params, walks, num, label)
    pixels = draw(params, z.reshape(-1, *params.latent.shape), labels, config.sample.stats)
    if ending == ".npy":
        pixels = pixels.reshape(walks, num, *pixels.shape[1:])
    elif ending == ".gif":
        frames = pixels.reshape(walks, num, *pixels.shape[1:]).swapaxes(0, 1)
        pixels = np.stack([images.grid(frame, walks // 2) for frame in (*frames, *frames[-2:0:-1])])
    write(out, pixels, num, invert=config.sample.invert)
    return out


def progress(run: Path, out: Path) -> Path:
    """Join a run's fixed-latent grids into an animation; FileNotFoundError where there are none."""
    folder.load_config(run)
    grids = folder.grids(run)
    if not grids:
        raise FileNotFoundError(f"{run} holds no grids to animate; train with config.train.sample_every above 0.")
    images.save_gif_of_files(out, grids)
    return out


def open_run(run: Path, step: int | str, weights: str, seed: int | None) -> tuple[GeneratorParams, Array, Config]:
    """Return a run's generator, the key of its pictures and its configuration."""
    from jaxgan.runs.checkpoint import load

    config, _ = folder.load_config(run)
    key = keys.stream(config.seed if seed is None else seed, keys.Stream.GALLERY)
    return load(run, step, weights), key, config


def write(out: Path, pixels: np.ndarray, columns: int | None, *, invert: bool) -> None:
    """Write pictures as the run shows them."""
    images.save_many(out, images.invert(pixels) if invert else pixels, columns)


def walk_labels(params: GeneratorParams, walks: int, num: int, label: int | None) -> Array | None:
    """Return class weights float32[walks * num, K] that lead walk i from class i to class i + 1."""
    classes = params.num_classes
    if classes is None or label is not None:
        return choose_labels(params, walks * num, label)
    corners = jax.nn.one_hot(jnp.arange(walks + 1) % classes, classes)
    return walk(corners[:-1], corners[1:], num, spherical=False).reshape(-1, classes)


def choose_labels(params: GeneratorParams, num: int, label: int | None) -> Array | None:
    """Return int32[num]: one class, or all of them class by class; None for an unconditional GAN."""
    classes = params.num_classes
    if classes is None:
        if label is not None:
            raise UserError(f"--label={label} was given, but this GAN is unconditional; leave it out.")
        return None
    if label is None:
        return jnp.arange(num) * classes // max(num, classes)
    if not 0 <= label < classes:
        raise UserError(f"--label={label} is no class of this GAN; give one from 0 to {classes - 1}.")
    return jnp.full((num,), label)


def draw(params: GeneratorParams, z: Array, labels: Array | None, stats: str = "running") -> np.ndarray:
    """Make the pictures of many latents, uint8[N, H, W, C], in chunks where they do not depend on each other."""
    chunk = len(z) if stats == "batch" else CHUNK
    machine.keep_memory()
    generate = jax.jit(partial(sampler.generate, stats=stats), compiler_options=machine.compiler_options())

    def chunks() -> Iterator[np.ndarray]:
        for i in range(0, len(z), chunk):
            yield np.asarray(
                to_uint8(generate(params, z[i : i + chunk], None if labels is None else labels[i : i + chunk]))
            )

    return np.concatenate(list(chunks()))
