"""One pass of a network in training: what it is given, the precision it computes in, what comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import linen as nn

from jaxgan.base import axis
from jaxgan.base.checks import UserError
from jaxgan.base.types import Array, PyTree
from jaxgan.nets.projected import Aided
from jaxgan.training.gan import Gan
from jaxgan.training.regularisation import Strength


class Scores(NamedTuple):
    """What D makes of images: logits float32[B], class logits (see `Gan`), and logits of frozen features [B, S]."""

    logits: Array
    class_logits: Array | None
    of_features: Array | None = None


class Noise(NamedTuple):
    """What a generator makes images from: z float32[B, *latent.shape], and labels int32[B] or float32[B, L]."""

    z: Array
    labels: Array


class Keys(NamedTuple):
    """Keys of one update: for the dropout of D, and for all else."""

    dropout: Array
    rest: Array


def augmented(gan: Gan, images: Array, key: Array, strength: Strength) -> Array:
    """Return the images as D is to see them."""
    return images if gan.augment is None else gan.augment(key, images, gan.image_range, strength.augment)


def apply(
    gan: Gan,
    module: nn.Module,
    variables: dict[str, PyTree],
    images_or_z: Array,
    labels: Array,
    *,
    train: bool,
    dropout_key: Array | None = None,
    method: Callable[..., PyTree] | None = None,
) -> tuple[PyTree, PyTree]:
    """Run a network in the GAN's precision; return its output, float32 again, and its batch statistics afterwards."""
    rngs = None if dropout_key is None else {"dropout": dropout_key}
    variables = variables | {"params": cast(variables["params"], gan.precision)}
    given = cast(images_or_z, gan.precision), labels
    out, moved = module.apply(variables, *given, train=train, mutable=["batch_stats"], rngs=rngs, method=method)
    return cast(out, "float32"), moved.get("batch_stats", variables["batch_stats"])


def make(
    gan: Gan, variables: dict[str, PyTree], noise: Noise, *, train: bool, dropout_key: Array | None = None
) -> tuple[Array, PyTree]:
    """Let G make images [B, H, W, C]; see `apply`.

    Raises:
      UserError: it makes something else.
    """
    images, stats = apply(gan, gan.generator, variables, *noise, train=train, dropout_key=dropout_key)
    expected = (len(noise.z), *gan.data.image_shape)
    if getattr(images, "shape", None) != expected:
        raise UserError(f"the generator returns {_described(images)}; expected images {list(expected)}, as the data.")
    return images, stats


def judge(
    gan: Gan,
    variables: dict[str, PyTree],
    images: Array,
    labels: Array,
    *,
    train: bool,
    dropout_key: Array | None = None,
    alone: bool = False,
) -> tuple[Scores, PyTree]:
    """Let D score images [B, H, W, C], `gan.pack` at a time: logits [B / pack] and class logits; see `apply`.

    With `alone`, the second discriminator on frozen features, where there is one, is left out.

    Raises:
      UserError: it returns something else.
    """
    if gan.pack > 1:
        images, labels = packed(images, gan.pack), labels[:: gan.pack]
    module = gan.discriminator
    aided = isinstance(module, Aided)
    method = module.judge_alone if aided and alone else None
    scores, stats = apply(gan, module, variables, images, labels, train=train, dropout_key=dropout_key, method=method)
    is_right = isinstance(scores, tuple | list) and len(scores) == (3 if aided and not alone else 2)
    if not is_right or getattr(scores[0], "shape", None) != (len(images),):
        raise UserError(
            f"the discriminator returns {_described(scores)}; expected a pair: logits [{len(images)}], one a "
            "image, and class logits or None."
        )
    return Scores(*scores), stats


def _described(found: PyTree) -> str:
    """Return shapes in words."""
    return str(jax.tree.map(lambda x: list(x.shape), found, is_leaf=lambda x: hasattr(x, "shape")))


def packed(images: Array, num: int) -> Array:
    """Lay `num` neighbouring images over each other: [B, H, W, C] -> [B / num, H, W, num C]."""
    rows, height, width, channels = images.shape
    if rows % num:
        raise UserError(f"{rows} images do not divide into packs of {num}; choose another config.data.batch_size.")
    stacks = images.reshape(rows // num, num, height, width, channels)
    return jnp.moveaxis(stacks, 1, -2).reshape(rows // num, height, width, num * channels)


def cast(tree: PyTree, dtype: str) -> PyTree:
    """Give all floating-point arrays of a tree one type."""
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree)


def draw_noise(gan: Gan, key: Array, num: int, real_labels: Array | None = None) -> Noise:
    """Draw latents and labels for the global batch and return this device's share of `num` rows.

    Classes are drawn evenly. Where the data have label vectors, they are those of the real images, `real_labels`.
    """
    z_key, label_key = jax.random.split(key)
    total = num * axis.size()
    if gan.data.label_size and real_labels is not None:
        return Noise(axis.share(gan.latent.draw(z_key, total)), real_labels)
    labels = jax.random.randint(label_key, (total,), 0, gan.num_classes or 1, jnp.int32)
    return Noise(axis.share(gan.latent.draw(z_key, total)), axis.share(labels))
