"""Grids of the same latents over time, made on the device and written by a thread."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path

import jax
import numpy as np

from jaxgan.base import keys, machine, threads
from jaxgan.base.pixels import to_bytes, to_uint8, visible
from jaxgan.base.terminal import say
from jaxgan.base.types import Array
from jaxgan.generators.averaged import averaged_generator
from jaxgan.rundir import layout
from jaxgan.runs.setup import Setup
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.labels import shown_labels, spread_labels
from jaxgan.training.state import GanState
from jaxgan.views import images


class GridWriter:
    """Makes a run's fixed-latent images and writes them, without making the devices wait."""

    def __init__(self, setup: Setup, workdir: Path, on_grid: Callable[[int, np.ndarray], object]):
        """Write into a run's folder; `on_grid` is called with the step and the sheet uint8[H, W, C] of each."""
        self._setup, self._workdir, self._on_grid = setup, workdir, on_grid
        self._writing: Future | None = None
        self._generate = jax.jit(self._fixed_pixels, compiler_options=machine.compiler_options(seldom=True))

    def write(self, step: int, state: GanState) -> Array:
        """Start making and writing the grid of a state; return its images uint8[num, H, W, C], not yet computed.

        A disk that refuses is reported, and training continues.
        """
        params = averaged_generator(self._setup.gan, self._setup.config, state.ema)
        pixels = self._generate(params, keys.stream(self._setup.config.seed, keys.Stream.GRID))
        self.finish()
        self._writing = threads.start("grid", self._save_step, step, pixels)
        return pixels

    def _fixed_pixels(self, params: GeneratorParams, key: Array) -> Array:
        shown = self._setup.config.sample
        labels = shown_labels(params, shown.num)
        z = sampler.latents(params, key, shown.num)
        return to_uint8(sampler.generate(params, z, labels, stats=shown.stats))

    @functools.cached_property
    def _row_names(self) -> list[str]:
        """The classes of each row of the grid, [] where they have no names."""
        gan, shown = self._setup.gan, self._setup.config.sample
        if gan.num_classes is None or not gan.data.label_names:
            return []
        labels = np.asarray(spread_labels(shown.num, gan.num_classes))  # in the thread, since this waits for a device
        rows = (labels[start : start + shown.columns] for start in range(0, shown.num, shown.columns))
        return [", ".join(gan.data.label_names[label] for label in dict.fromkeys(row.tolist())) for row in rows]

    def _save_step(self, step: int, pixels: Array) -> None:
        self._on_grid(step, self._save(layout.grid_file(self._workdir, step), pixels, self._row_names))

    def _save(self, path: Path, pixels: Array | np.ndarray, row_names: Sequence[str] = ()) -> np.ndarray:
        shown = self._setup.config.sample
        grid = images.grid(visible(jax.device_get(pixels), shown.channels), shown.columns)
        sheet = images.invert(grid) if shown.invert else grid
        try:
            images.save_for_eye(path, sheet, side=images.SMALL_SIDE, row_names=row_names)
        except OSError as error:
            say(f"warning: {path} could not be written ({error.strerror or error}); training continues")
        return sheet

    def write_data(self) -> None:
        """Write a grid of the real images, to see before training what the network will see."""
        self._save(layout.samples(self._workdir) / layout.DATA_FILE, self.real)

    @functools.cached_property
    def real(self) -> np.ndarray:
        """As many real images uint8[num, H, W, C] as a grid has, the first that training sees."""
        return to_bytes(self._first[0])

    @functools.cached_property
    def _first(self) -> tuple[np.ndarray, np.ndarray]:
        """The first images that training sees, and their labels."""
        num, plan = self._setup.config.sample.num, self._setup.plan
        first = plan.indices(0, math.ceil(num / plan.batch_size)).ravel()
        return self._setup.source.read(first[:num])

    def finish(self) -> None:
        """Wait until all is written."""
        if self._writing is not None:
            self._writing.result()
