"""Pictures of a finished or running training run, as files."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import images, keys, sampling, workdir
from jaxgan.state import GeneratorParams
from jaxgan.types import Array

# Pictures made at once, which bounds memory.
CHUNK = 256


def sample(
    run: str | Path,
    out: str | Path | None = None,
    *,
    num: int = 64,
    label: int | None = None,
    z_scale: float = 1.0,
    stats: str = "running",
    weights: str = "ema",
    step: int | str = "latest",
    seed: int | None = None,
) -> Path:
    """Draw pictures from a run's generator and write them to one file.

    Args:
      run: folder of the run.
      out: .png or .jpg for a grid, .npy for uint8[num, H, W, C]; None writes samples.png into the run.
      num: how many pictures.
      label: class of all of them, for a conditional GAN; None takes the classes in turn, one a row for a square grid.
      z_scale: factor on the latents.
      stats: 'running' or 'batch', see `jaxgan.generate`.
      weights: 'ema' or 'raw', see `jaxgan.load`.
      step: 'latest' or a saved step.
      seed: of the latents; None takes the run's own.

    Returns:
      The file written.

    Raises:
      ValueError, FileNotFoundError: see `jaxgan.load` and `jaxgan.generate`.
    """
    from jaxgan.checkpoint import load  # Orbax takes a second to import

    run = Path(run)
    out = Path(out or run / "samples.png")
    images.check_ending(out)
    config, _ = workdir.load_config(run)
    params = load(run, step, weights)
    key = keys.stream(config.seed if seed is None else seed, keys.Stream.EVAL)
    z = z_scale * sampling.latents(params, key, num)
    pixels = draw(params, z, choose_labels(params, num, label), stats)
    images.save_many(out, images.invert(pixels) if config.sample.invert else pixels)
    return out


def choose_labels(params: GeneratorParams, num: int, label: int | None) -> Array | None:
    """Return int32[num]: one class, or all of them class by class; None for an unconditional GAN."""
    classes = params.num_classes
    if classes is None:
        if label is not None:
            raise ValueError(f"--label={label} was given, but this GAN is unconditional; leave it out.")
        return None
    if label is None:
        return jnp.arange(num) * classes // max(num, classes)
    if not 0 <= label < classes:
        raise ValueError(f"--label={label} is no class of this GAN; give one from 0 to {classes - 1}.")
    return jnp.full((num,), label)


def draw(params: GeneratorParams, z: Array, labels: Array | None, stats: str = "running") -> np.ndarray:
    """Make the pictures of many latents, uint8[N, H, W, C], in chunks where they do not depend on each other."""
    chunk = len(z) if stats == "batch" else CHUNK
    generate = jax.jit(partial(sampling.generate, stats=stats))

    def chunks() -> Iterator[np.ndarray]:
        for i in range(0, len(z), chunk):
            yield np.asarray(
                images.to_uint8(generate(params, z[i : i + chunk], None if labels is None else labels[i : i + chunk]))
            )

    return np.concatenate(list(chunks()))
