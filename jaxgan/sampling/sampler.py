"""Pictures from a trained generator, as pure functions of its parameters and a key or latents."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.core import Tracer

from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.sampling.generator import GeneratorParams


def sample(params: GeneratorParams, key: Array, *, num: int = 64, labels: Array | None = None) -> Array:
    """Draw pictures. Works under `jit`, `grad` and, over keys or parameters, `vmap`.

    Args:
      params: from `jaxgan.load` or `generator_params`.
      key: typed key.
      num: number of pictures N; static under `jit`.
      labels: int32[N] in 0..K-1 for a conditional GAN; None draws them uniformly.

    Returns:
      float32[N, H, W, C] in [-1, 1], whatever range the GAN itself uses.

    Raises:
      ValueError: labels for an unconditional GAN, of another length than `num`, or out of range.
    """
    z_key, label_key = jax.random.split(key)
    if labels is None and params.num_classes is not None:
        labels = jax.random.randint(label_key, (num,), 0, params.num_classes)
    return generate(params, latents(params, z_key, num), labels)


def latents(params: GeneratorParams, key: Array, num: int) -> Array:
    """Draw float32[num, *latent.shape] from the GAN's latent law."""
    return params.latent.draw(key, num)


def generate(params: GeneratorParams, z: Array, labels: Array | None = None, *, stats: str = "running") -> Array:
    """Make the pictures of given latents; deterministic, and differentiable in z.

    Args:
      params: the generator.
      z: float32[N, *latent.shape].
      labels: for a conditional GAN int32[N] in 0..K-1, or float32[N, K], weights that mix classes; else None.
      stats: 'running': each picture depends on its own z only; 'batch': batch norm uses the statistics of these N.

    Returns:
      float32[N, H, W, C] in [-1, 1].

    Raises:
      ValueError: z of another shape, labels that do not fit.
    """
    if z.shape[1:] != params.latent.shape:
        raise UserError(f"z has shape {z.shape}; expected (N, {', '.join(map(str, params.latent.shape))}).")
    labels = _checked_labels(params, labels, z.shape[0])
    out, _ = params.module.apply(params.variables, z, labels, train=stats == "batch", mutable=["batch_stats"])
    low, high = params.image_range
    return jnp.clip((out.astype(jnp.float32) - low) * (2 / (high - low)) - 1, -1.0, 1.0)


def _checked_labels(params: GeneratorParams, labels: Array | None, num: int) -> Array:
    classes = params.num_classes
    if classes is None:
        if labels is not None:
            raise UserError("labels were given, but this GAN is unconditional; leave them out.")
        return jnp.zeros((num,), jnp.int32)
    if labels is None:
        raise UserError(f"this GAN is conditional; give labels, int32[{num}] in 0..{classes - 1}.")
    labels = jnp.asarray(labels)
    if labels.shape == (num, classes):
        return labels
    if labels.shape != (num,):
        raise UserError(f"labels have shape {labels.shape}; expected ({num},), one for each picture.")
    # Under jit the values are not known; Flax's embedding then clips nothing, so they must be right.
    if not isinstance(labels, Tracer) and num and (labels.min() < 0 or labels.max() >= classes):
        raise UserError(f"labels reach from {labels.min()} to {labels.max()}; expected 0..{classes - 1}.")
    return labels
