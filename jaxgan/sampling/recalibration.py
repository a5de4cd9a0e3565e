"""Batch-norm statistics of a generator's own, for one whose weights were averaged."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import errors, traverse_util

from jaxgan.base import checks, machine
from jaxgan.base.types import Array, PyTree
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.labels import draw_labels

# Images whose statistics are taken together, which bounds memory.
PART = 128


def standing_statistics(params: GeneratorParams, key: Array, *, num: int = 512) -> GeneratorParams:
    """Return the generator with the batch-norm statistics that its images have, whatever it came with.

    Where weights still move far, their average makes maps of less spread than each of them did. Normalised by the
    average of those maps' statistics, its images are pale.

    Args:
      params: the generator, not in `jit`; one without batch norm, whose statistics are leaves named mean and var, is
        returned as it is. Norms that are frozen keep theirs.
      key: typed key, of the latents and of the classes, which are drawn evenly.
      num: images that are made for it, rounded up to whole parts of 128.

    Returns:
      The generator with the mean of its parts' statistics.

    Raises:
      ValueError: `num` below 1.

    References:
      Izmailov et al., "Averaging Weights Leads to Wider Optima and Better Generalization", 2018, section 3.2. Brock,
      Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", 2019, who name them.
    """
    checks.in_range("num", num, 1)
    kept = traverse_util.flatten_dict(params.variables.get("batch_stats", {}))
    if not any(path[-1] == "var" for path in kept):
        return params
    # One call a part: inside a loop of XLA's, convolutions run on one core.
    parts = [_compiled()(params, part_key) for part_key in jax.random.split(key, math.ceil(num / PART))]
    measured = jax.tree.map(lambda *leaves: jnp.stack(leaves).mean(0), *parts)
    joined = traverse_util.unflatten_dict(kept | measured)
    return params.replace(variables={**params.variables, "batch_stats": joined})


@functools.cache
def _compiled() -> Callable[[GeneratorParams, Array], PyTree]:
    return jax.jit(_of_part, compiler_options=machine.compiler_options())


def _of_part(params: GeneratorParams, key: Array) -> PyTree:
    """Return means and variances, by their paths, of the maps of some images."""
    flat = traverse_util.flatten_dict(params.variables["batch_stats"])
    z_key, label_key, dropout_key = jax.random.split(key, 3)
    labels = draw_labels(params, label_key, PART)
    make = functools.partial(params.module.apply, train=True, mutable=["batch_stats"])
    z = params.latent.draw(z_key, PART)

    def moved(old: PyTree) -> PyTree:
        variables = {**params.variables, "batch_stats": traverse_util.unflatten_dict(flat | old)}
        try:
            _, changed = make(variables, z, labels)
        except errors.InvalidRngError:  # Flax's own dropout, unlike ours, is on wherever batch norm learns
            _, changed = make(variables, z, labels, rngs={"dropout": dropout_key})
        new = traverse_util.flatten_dict(changed["batch_stats"])
        return {path: new[path] for path in old}

    # A pass gives momentum * old + (1 - momentum) * batch: its slope is the momentum, 1 where a norm is frozen.
    given = {path: leaf for path, leaf in flat.items() if path[-1] in ("mean", "var")}
    _, slope = jax.jvp(moved, (given,), (jax.tree.map(jnp.ones_like, given),))
    frozen = jax.tree.map(lambda s: s == 1, slope)
    start = jax.tree.map(lambda f, old: jnp.where(f, old, 0), frozen, given)
    along = jax.tree.map(lambda f, old: jnp.where(f, 0, jnp.ones_like(old)), frozen, given)
    new, momentum = jax.jvp(moved, (start,), (along,))
    return jax.tree.map(lambda f, old, x, m: jnp.where(f, old, x / (1 - m)), frozen, given, new, momentum)
