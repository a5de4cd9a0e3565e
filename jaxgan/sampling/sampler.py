"""Images from a trained generator, as pure functions of its parameters and a key or latents."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.sampling.generator import GeneratorParams, Latent
from jaxgan.sampling.labels import draw_labels, parse_label

Labels = Array | str | Sequence[str] | None

STATS = ("running", "batch")


def sample(params: GeneratorParams, key: Array, *, num: int = 64, labels: Labels = None) -> Array:
    """Draw images. Works under `jit`, `grad` and, over keys or parameters, `vmap`.

    Outside of these it compiles a program for each `num`, at the first call.

    Args:
      params: from `jaxgan.load` or `generator_params`.
      key: typed key.
      num: number of images N; static under `jit`.
      labels: for a conditional GAN int32[N] in 0..K-1, None draws them uniformly; or float32[N, L], label vectors, None
        draws them from `params.label_table`; or a text, the label of all images, such as 'cat' or 'glasses,hair=red',
        see `jaxgan.sampling.labels.parse_label`; or a list of N texts.

    Returns:
      float32[N, H, W, C] in [-1, 1], whatever range the GAN itself uses.

    Raises:
      ValueError: no typed key, `num` traced or below 1, labels for an unconditional GAN, of another length than `num`,
        or out of range.
    """
    check_key(key)
    num = _checked_num(params, num)
    if labels is not None:
        labels = checked_labels(params, labels, num)
    return _program(_draw, params)(params, key, labels, num=num)


def latents(params: GeneratorParams, key: Array, num: int, truncation: float | None = None) -> Array:
    """Draw latents from the GAN's distribution.

    Args:
      params: the generator.
      key: typed key.
      num: number of latents N; static under `jit`.
      truncation: the truncation trick: numbers of normal latents beyond +-truncation are drawn anew, for images that
        are more typical and less varied. Above 0 and static; None truncates nothing, as in training.

    Returns:
      float32[N, *latent.shape].

    Raises:
      ValueError: no typed key, `num` traced or below 1, or a truncation that is not above 0 or of uniform latents.

    References:
      Brock, Donahue and Simonyan, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", 2019,
      section 3.1.
    """
    check_key(key)
    num = _checked_num(params, num)
    return _draw_latents(params.latent, key, num, truncation)


def generate(params: GeneratorParams, z: Array, labels: Labels = None, *, stats: str = "running") -> Array:
    """Make the images of given latents; deterministic, and differentiable in z.

    Args:
      params: the generator.
      z: float32[N, *latent.shape].
      labels: for a conditional GAN int32[N] in 0..K-1, or float32[N, K], weights that mix classes; or float32[N, L],
        label vectors; or a text or a list of texts as `sample` takes; else None.
      stats: 'running': each image depends on its own z only; 'batch': batch norm uses the statistics of these N.

    Returns:
      float32[N, H, W, C] in [-1, 1].

    Raises:
      ValueError: z of another shape or of whole numbers, labels that do not fit, or other `stats`.
    """
    checks.one_of("stats", stats, STATS)
    z = _checked_latents(params, z)
    return _program(_make, params)(params, z, checked_labels(params, labels, z.shape[0]), stats=stats)


@functools.partial(jax.jit, static_argnums=(0, 2, 3))
def _draw_latents(latent: Latent, key: Array, num: int, truncation: float | None) -> Array:
    if truncation is None:
        return latent.draw(key, num)
    return latent.draw_truncated(key, num, truncation)


@functools.partial(jax.jit, static_argnames="num")
def _draw(params: GeneratorParams, key: Array, labels: Array | None, *, num: int) -> Array:
    """Do what `sample` does."""
    z_key, label_key = jax.random.split(key)
    if labels is None and params.is_conditional:
        labels = draw_labels(params, label_key, num)
    return _make(params, params.latent.draw(z_key, num), labels, stats="running")


@functools.partial(jax.jit, static_argnames="stats")
def _make(params: GeneratorParams, z: Array, labels: Array | None, *, stats: str) -> Array:
    """Do what `generate` does."""
    return jnp.clip(unclipped(params, z, labels, stats=stats), -1.0, 1.0)


def unclipped(params: GeneratorParams, z: Array, labels: Array | None, *, stats: str = "running") -> Array:
    """Do what `generate` does, unchecked; numbers beyond [-1, 1] are left, so that they have gradients."""
    if labels is None:
        labels = jnp.zeros((z.shape[0],), jnp.int32)
    out, _ = params.module.apply(params.variables, z, labels, train=stats == "batch", mutable=["batch_stats"])
    low, high = params.image_range
    return (out.astype(jnp.float32) - low) * (2 / (high - low)) - 1


def _program(function: Callable[..., Array], params: GeneratorParams) -> Callable[..., Array]:
    """Return a compiled function, or its Python where a module with arrays for attributes cannot be a key."""
    try:
        hash(params.module)
    except TypeError:
        return inspect.unwrap(function)
    return function


def check_key(key: Array) -> None:
    """Raise UserError unless this is one typed key."""
    dtype = getattr(key, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        given = repr(key) if dtype is None else f"{dtype}{list(key.shape)}"
        raise UserError(f"key is {given}; expected a typed key: make one of a seed by jax.random.key(seed).")
    if key.shape:
        raise UserError(f"key holds {list(key.shape)} keys; expected one: give key[0], or map over them with jax.vmap.")


def _checked_num(params: GeneratorParams, num: int) -> int:
    if isinstance(num, Tracer):
        raise UserError("num is traced; make it static: jax.jit(jaxgan.sample, static_argnames='num').")
    try:
        num = operator.index(num)
    except TypeError:
        raise UserError(f"num is {num!r}; expected a whole number of at least 1.") from None
    # A draw has a position of 32 bits for each number.
    checks.in_range("num", num, 1, 2**32 // max(1, math.prod(params.latent.shape)) - 1)
    return num


def _checked_latents(params: GeneratorParams, z: Array) -> Array:
    z, shape = _on_device(z), params.latent.shape
    if z.shape[1:] != shape or z.ndim != 1 + len(shape) or z.shape[0] == 0:
        raise UserError(f"z has shape {z.shape}; expected (N, {', '.join(map(str, shape))}), with N at least 1.")
    if not jnp.issubdtype(z.dtype, jnp.floating):
        raise UserError(f"z is {z.dtype}; expected float32, as jaxgan.latents makes it.")
    return z


def _on_device(values: Array | np.ndarray) -> Array:
    """Return an array of JAX; what was on the host is transferred explicitly, which `jax.transfer_guard` allows."""
    return values if isinstance(values, jax.Array) else jax.device_put(np.asarray(values))


def _checked_vectors(params: GeneratorParams, labels: Array | None, num: int) -> Array:
    expected, numbers = (num, params.label_size), ", ".join(params.label_names)
    what = f"float32{list(expected)}, label vectors{f' of {numbers}' * bool(numbers)}"
    if labels is None:
        raise UserError(f"this GAN is conditional; give labels, {what}.")
    labels = _on_device(labels)
    if labels.shape != expected or not jnp.issubdtype(labels.dtype, jnp.floating):
        raise UserError(f"labels are {labels.dtype}{list(labels.shape)}; expected {what}.")
    return labels


def _parsed(params: GeneratorParams, labels: Any, num: int) -> Any:
    """Return the labels that a text, or a text for each image, asks for; others as they are."""
    if isinstance(labels, str):
        return parse_label(params, labels, num)
    if not (isinstance(labels, list | tuple) and labels and all(isinstance(one, str) for one in labels)):
        return labels
    if len(labels) != num:
        raise UserError(f"{len(labels)} labels were given for {num} images; expected one for each.")
    parsed = {text: parse_label(params, text, num) for text in set(labels)}
    return jnp.stack([parsed[text][number] for number, text in enumerate(labels)])


def checked_labels(params: GeneratorParams, labels: Any, num: int) -> Array | None:
    """Return labels as `generate` takes them, on the device; UserError where they do not fit."""
    if not params.is_conditional:
        if labels is not None:
            raise UserError("labels were given, but this GAN is unconditional; leave them out.")
        return None
    labels = _parsed(params, labels, num)
    if params.label_size:
        return _checked_vectors(params, labels, num)
    classes = params.num_classes or 0
    if labels is None:
        raise UserError(f"this GAN is conditional; give labels, int32[{num}] in 0..{classes - 1}.")
    given, labels = labels, _on_device(labels)
    mixed = labels.shape == (num, classes)
    if labels.shape != (num,) and not mixed:
        raise UserError(f"labels have shape {labels.shape}; expected ({num},), one for each image.")
    if not jnp.issubdtype(labels.dtype, jnp.floating if mixed else jnp.integer):
        raise UserError(
            f"labels are {labels.dtype}{list(labels.shape)}; expected int32[{num}], a class for each image, or "
            f"float32[{num}, {classes}], weights of the classes."
        )
    # Under jit the values are not known; Flax's embedding then clips nothing, so they must be right.
    if not mixed and not isinstance(labels, Tracer):
        values = np.asarray(jax.device_get(given))  # those of 64 bits would have lost half of them
        if values.min() < 0 or values.max() >= classes:
            raise UserError(f"labels reach from {values.min()} to {values.max()}; expected 0..{classes - 1}.")
    return labels
