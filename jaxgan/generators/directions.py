"""Directions of latents along which images change in one way."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from flax import linen as nn

from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array
from jaxgan.gans import compact
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.labels import draw_labels
from jaxgan.sampling.sampler import check_key, unclipped

METHODS = ("ganspace", "sefa")
DRAWS = {"ganspace": 1024, "sefa": 8}  # latents; a linear first layer has the same derivatives at all of them


def directions(params: GeneratorParams, key: Array, k: int = 8, *, method: str = "ganspace") -> Array:
    """Find directions of z along which images change most: `z + t * found[i]`, t from about -3 to 3.

    ganspace: u_i = E[z x_i] / |E[z x_i]|, with x_i the principal components of the first layer's responses
    sefa:     eigenvectors of E[J^T J], with J the derivative of the first layer by z, W for z W + b

    The first layer is the first one that has a kernel. Its responses are what the second one takes, after norm and
    activation. What labels and kinds (config.model.kinds) explain of z and of the responses is left out.

    Args:
      params: the generator.
      key: typed key, of the latents that are drawn.
      k: number of directions K, at most the numbers of a latent.
      method: 'ganspace' or 'sefa'.

    Returns:
      float32[K, *latent.shape], of length 1, the strongest first. The largest number of each is positive. Those of
      'sefa' are orthogonal.

    Raises:
      UserError: no typed key, K out of range, or another method.

    References:
      Harkonen, Hertzmann, Lehtinen and Paris, "GANSpace: Discovering Interpretable GAN Controls", 2020, section 2.2.
      Shen and Zhou, "Closed-Form Factorization of Latent Semantics in GANs", 2021, equation 5.
    """
    check_key(key)
    checks.one_of("method", method, METHODS)
    size = math.prod(params.latent.shape)
    checks.in_range("k", k, 1, size)
    z_key, label_key = jax.random.split(key)
    z = params.latent.draw(z_key, DRAWS[method] if method == "sefa" else max(DRAWS[method], 2 * size))
    labels = draw_labels(params, label_key, len(z)) if params.is_conditional else None
    if method == "sefa":
        moments = np.asarray(_squared_slopes(params, z, labels), np.float64)
        found = np.linalg.eigh(moments)[1][:, ::-1].T
    else:
        known = _known(params, z, labels)
        responses = _without(known, _layers(params, z, labels)[1])
        components = np.linalg.eigh(responses @ responses.T)[1][:, ::-1]
        found = components.T[:size] @ _without(known, z.reshape(len(z), -1))
    return _units(found[:k]).reshape(k, *params.latent.shape)


def attribute_directions(z: Array | np.ndarray, values: Array | np.ndarray) -> Array:
    """Find the directions of z along which attributes of images grow, by least squares of the values on z.

    Values are scores of generated images by a function of yours, or labels of images that `jaxgan.invert` was given.

    Args:
      z: float[N, *latent.shape], several times more than a latent has numbers.
      values: float[N], or float[N, A] of A attributes; 0 and 1 for no and yes.

    Returns:
      float32[A, *latent.shape], of length 1; A is 1 for float[N].

    Raises:
      UserError: another number of values than of latents, numbers that are not finite, or an attribute with one value.
    """
    z, values = np.asarray(z, np.float64), np.asarray(values, np.float64)
    if values.ndim not in (1, 2) or len(values) != len(z) or not (np.isfinite(values).all() and np.isfinite(z).all()):
        raise UserError(f"values have shape {values.shape}; expected ({len(z)},) or ({len(z)}, A), all finite.")
    values = values.reshape(len(z), -1)
    if (values == values[:1]).all(0).any():
        raise UserError("an attribute has the same value for all images; give images that differ in it.")
    ones = np.ones((len(z), 1))
    slopes = np.linalg.lstsq(_without(ones, z.reshape(len(z), -1)), _without(ones, values), rcond=None)[0].T
    return jnp.asarray(slopes / np.linalg.norm(slopes, axis=1, keepdims=True), jnp.float32).reshape(-1, *z.shape[1:])


@jax.jit
def _layers(params: GeneratorParams, z: Array, labels: Array | None) -> tuple[Array, Array]:
    """Return what the first layer with a kernel makes, and what the second one takes, both float[N, R].

    Where there is none, these are the images.
    """
    calls = []

    def watch(call, args, kwargs, context):
        made = call(*args, **kwargs)
        if context.method_name == "__call__" and context.module.has_variable("params", "kernel"):
            calls.append((args[0], made))
        return made

    with nn.intercept_methods(watch):
        images = unclipped(params, z, labels)
    first = calls[0][1] if calls else images
    taken = calls[1][0] if len(calls) > 1 else images
    return first.reshape(len(z), -1), taken.reshape(len(z), -1)


@jax.jit
def _squared_slopes(params: GeneratorParams, z: Array, labels: Array | None) -> Array:
    """Return E[J^T J], float[Z, Z]."""

    def squared(one):
        z, label = jax.tree.map(lambda x: x[None], one)
        slopes = jax.jacfwd(lambda z: _layers(params, z, label)[0][0])(z)
        slopes = slopes.reshape(slopes.shape[0], -1)
        return slopes.T @ slopes

    return jax.lax.map(squared, (z, labels)).mean(0)


def _known(params: GeneratorParams, z: Array, labels: Array | None) -> np.ndarray:
    """Return float[N, F]: the label and the kind of each latent as numbers, and 1."""
    parts = [np.ones((len(z), 1))]
    if labels is not None:
        parts.append(np.eye(params.num_classes)[np.asarray(labels)] if params.num_classes else np.asarray(labels))
    kinds = compact.kinds_of(params.module)
    if kinds > 1:
        parts.append(np.eye(kinds)[np.asarray(compact.kind_of(z, kinds))])
    return np.concatenate(parts, 1)


def _without(known: np.ndarray, values: Array | np.ndarray) -> np.ndarray:
    """Return values [N, R] less what is linear in others [N, F]."""
    values = np.asarray(values, np.float64)
    return values - known @ np.linalg.lstsq(known, values, rcond=None)[0]


def _units(vectors: np.ndarray) -> Array:
    """Return vectors [K, Z] of length 1 and of a fixed sign."""
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(1, keepdims=True), 1)
    return jnp.asarray(vectors * (np.sign(largest) / np.linalg.norm(vectors, axis=1, keepdims=True)), jnp.float32)
