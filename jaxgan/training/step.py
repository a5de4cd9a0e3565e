"""One training step of any GAN: a pure function of the state and a batch, on one device's share of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import linen as nn

from jaxgan.base import axis
from jaxgan.base.pixels import to_range
from jaxgan.base.types import Array, PyTree
from jaxgan.nets import conv
from jaxgan.training.average import average
from jaxgan.training.gan import Gan
from jaxgan.training.state import GanState, NetState

Metrics = dict[str, Array]


class Noise(NamedTuple):
    """What a generator makes pictures from: z float32[B, *latent.shape] and labels int32[B]."""

    z: Array
    labels: Array


class Pictures(NamedTuple):
    """Pictures float32[B, H, W, C] in the GAN's own range, and their labels int32[B]."""

    images: Array
    labels: Array


def make_train_step(gan: Gan) -> Callable[[GanState, Array, Array], tuple[GanState, Metrics]]:
    """Return the training step of a GAN, ready for `jit`, `pmap` or `scan`.

    The step takes (state, images uint8[d_steps, B, H, W, C], labels int32[d_steps, B]) and returns the next state
    and scalar float32 metrics: `d/loss`, `d/loss_real`, `d/loss_fake`, `d/acc`, `d/acc_real`, `d/acc_fake`, `g/loss`,
    `g/acc` (the share of G's pictures that D takes for real) and, with a class head, `d/class_real`, `d/class_fake`,
    `g/class`. Losses and accuracies are those at the parameters before the update they belong to.
    """

    def step(state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
        return train_step(gan, state, images, labels)

    return step


def train_step(gan: Gan, state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
    """Update both networks once, in the order of `gan.rule`, computing as the GAN's fields say."""
    # Around gradients too: our convolutions' own are traced only when they are taken.
    with contextlib.ExitStack() as stack:
        stack.enter_context(conv.forced(gan.convolution))
        if gan.matmul != "default":
            stack.enter_context(jax.default_matmul_precision(gan.matmul))
        return _update_both(gan, state, images, labels)


def _update_both(gan: Gan, state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
    rule, batch = gan.rule, images.shape[1]
    g_key, d_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    g_noise_key, g_drop = jax.random.split(g_key)
    d_noise_keys, d_drops = jax.random.split(d_key, (2, rule.d_steps))
    g_noise = draw_noise(gan, g_noise_key, batch)
    shared = rule.latents == "shared"
    noises = [g_noise if shared else draw_noise(gan, key, batch) for key in d_noise_keys]
    reals = [Pictures(to_range(x, gan.image_range), y) for x, y in zip(images, labels, strict=True)]
    g, d = state.g, state.d
    accuracies = inference_accuracies(gan, g, d, reals[0], noises[0]) if rule.accuracy_stats == "running" else {}

    if rule.order == "d_first":
        g, d, d_metrics = update_d_repeatedly(gan, g, d, reals, noises, None, d_drops)
        g, d, _, g_metrics = update_g(gan, g, d, g_noise, g_drop)
    else:
        new_g, d, fakes, g_metrics = update_g(gan, g, d, g_noise, g_drop)
        maker = g.replace(batch_stats=new_g.batch_stats) if rule.order == "simultaneous" else new_g
        maker, d, d_metrics = update_d_repeatedly(gan, maker, d, reals, noises, fakes if shared else None, d_drops)
        g = new_g.replace(batch_stats=maker.batch_stats)

    ema = average(gan.ema_decay, state.step, state.ema, g.variables)
    metrics = {**d_metrics, **g_metrics, **accuracies}
    return state.replace(step=state.step + 1, g=g, d=d, ema=ema), metrics


def update_d_repeatedly(
    gan: Gan,
    g: NetState,
    d: NetState,
    reals: list[Pictures],
    noises: list[Noise],
    fakes: Pictures | None,
    keys: Array,
) -> tuple[NetState, NetState, Metrics]:
    """Make D's updates of one step, on `fakes` or on new ones from g, and return the metrics of the last."""
    metrics: Metrics = {}
    for real, noise, key in zip(reals, noises, keys, strict=True):
        fake = fakes
        if fake is None:
            images, stats = apply(gan, gan.generator, g.variables, *noise, train=gan.rule.g_stats_for_d == "batch")
            g, fake = g.replace(batch_stats=stats), Pictures(images, noise.labels)
        d, metrics = update_d(gan, d, real, jax.lax.stop_gradient(fake), key)
    return g, d, metrics


def update_d(gan: Gan, d: NetState, real: Pictures, fake: Pictures, key: Array) -> tuple[NetState, Metrics]:
    """Move D towards telling real from fake, in one optimiser step or in two."""
    sides = {"real": real, "fake": fake}
    parts = [{name: side} for name, side in sides.items()] if gan.rule.d_passes == "two_steps" else [sides]
    metrics: Metrics = {}
    for part, part_key in zip(parts, jax.random.split(key, len(parts)), strict=True):
        grads, (stats, part_metrics) = jax.grad(d_loss, has_aux=True)(d.params, gan, d.batch_stats, part, part_key)
        grads, part_metrics = axis.mean((grads, part_metrics))
        d = d.apply_gradients(grads=grads, batch_stats=stats)
        metrics |= part_metrics
    metrics["d/loss"] = gan.rule.d_loss_report * (metrics["d/loss_real"] + metrics["d/loss_fake"])
    metrics["d/acc"] = (metrics["d/acc_real"] + metrics["d/acc_fake"]) / 2
    return d, metrics


def d_loss(
    params: PyTree, gan: Gan, stats: PyTree, sides: dict[str, Pictures], key: Array
) -> tuple[Array, tuple[PyTree, Metrics]]:
    """Return D's loss on the given kinds of pictures, its new batch statistics and its metrics."""
    total, metrics = jnp.zeros(()), {}
    scored, stats = score_sides(gan, params, stats, sides, key)
    for name, (logits, class_logits) in scored.items():
        of_real = name == "real"
        loss = jnp.mean((gan.loss.d_real if of_real else gan.loss.d_fake)(logits))
        if class_logits is not None:
            metrics[f"d/class_{name}"] = class_loss(class_logits, sides[name].labels)
            loss += gan.class_weight * metrics[f"d/class_{name}"]
        metrics[f"d/loss_{name}"] = loss
        metrics[f"d/acc_{name}"] = jnp.mean((logits > 0) == of_real)
        total += gan.rule.d_loss_weight * loss
    return total, (stats, metrics)


def score_sides(
    gan: Gan, params: PyTree, stats: PyTree, sides: dict[str, Pictures], key: Array
) -> tuple[dict[str, tuple[Array, Array | None]], PyTree]:
    """Let D score each kind of pictures, in one pass over all of them or one after the other."""
    if gan.rule.d_passes == "joint":
        both = Pictures(*(jnp.concatenate(parts) for parts in zip(*sides.values(), strict=True)))
        scores, stats = apply(
            gan, gan.discriminator, {"params": params, "batch_stats": stats}, *both, train=True, dropout_key=key
        )
        halves = jax.tree.map(lambda x: jnp.split(x, len(sides)), scores)
        return {
            name: jax.tree.map(lambda x, i=i: x[i], halves, is_leaf=_is_list) for i, name in enumerate(sides)
        }, stats
    scored = {}
    for (name, side), side_key in zip(sides.items(), jax.random.split(key, len(sides)), strict=True):
        scored[name], stats = apply(
            gan, gan.discriminator, {"params": params, "batch_stats": stats}, *side, train=True, dropout_key=side_key
        )
    return scored, stats


def _is_list(x: object) -> bool:
    return isinstance(x, list)


def update_g(
    gan: Gan, g: NetState, d: NetState, noise: Noise, key: Array
) -> tuple[NetState, NetState, Pictures, Metrics]:
    """Move G towards pictures that D takes for real; of D only batch statistics may move."""
    grads, (g_stats, d_stats, images, metrics) = jax.grad(g_loss, has_aux=True)(g.params, gan, g, d, noise, key)
    grads, metrics = axis.mean((grads, metrics))
    g = g.apply_gradients(grads=grads, batch_stats=g_stats)
    return g, d.replace(batch_stats=d_stats), Pictures(images, noise.labels), metrics


def g_loss(
    params: PyTree, gan: Gan, g: NetState, d: NetState, noise: Noise, key: Array
) -> tuple[Array, tuple[PyTree, PyTree, Array, Metrics]]:
    """Return G's loss, both networks' new batch statistics, the pictures and the metrics."""
    variables = {"params": params, "batch_stats": g.batch_stats}
    images, g_stats = apply(gan, gan.generator, variables, *noise, train=True)
    d_train = gan.rule.d_stats_in_g == "batch"
    (logits, class_logits), d_stats = apply(
        gan, gan.discriminator, d.variables, images, noise.labels, train=d_train, dropout_key=key
    )
    loss = jnp.mean(gan.loss.g(logits))
    metrics = {"g/acc": jnp.mean(logits > 0)}
    if class_logits is not None:
        metrics["g/class"] = class_loss(class_logits, noise.labels)
        loss += gan.class_weight * metrics["g/class"]
    return loss, (g_stats, d_stats, images, metrics | {"g/loss": loss})


def inference_accuracies(gan: Gan, g: NetState, d: NetState, real: Pictures, noise: Noise) -> Metrics:
    """Return the accuracies of both networks in inference mode, at the parameters given."""
    images, _ = apply(gan, gan.generator, g.variables, *noise, train=False)
    (on_real, _), _ = apply(gan, gan.discriminator, d.variables, *real, train=False)
    (on_fake, _), _ = apply(gan, gan.discriminator, d.variables, images, noise.labels, train=False)
    real_acc, g_acc = jnp.mean(on_real > 0), jnp.mean(on_fake > 0)
    accuracies = {"d/acc_real": real_acc, "d/acc_fake": 1 - g_acc, "d/acc": (real_acc + 1 - g_acc) / 2, "g/acc": g_acc}
    return axis.mean(accuracies)


def apply(
    gan: Gan,
    module: nn.Module,
    variables: dict[str, PyTree],
    images_or_z: Array,
    labels: Array,
    *,
    train: bool,
    dropout_key: Array | None = None,
) -> tuple[PyTree, PyTree]:
    """Run a network in the GAN's precision; return its output, float32 again, and its batch statistics afterwards."""
    rngs = None if dropout_key is None else {"dropout": axis.fold_in_index(dropout_key)}
    variables = variables | {"params": cast(variables["params"], gan.precision)}
    out, moved = module.apply(
        variables, cast(images_or_z, gan.precision), labels, train=train, mutable=["batch_stats"], rngs=rngs
    )
    return cast(out, "float32"), moved.get("batch_stats", variables["batch_stats"])


def cast(tree: PyTree, dtype: str) -> PyTree:
    """Give all floating-point arrays of a tree one type."""
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree)


def draw_noise(gan: Gan, key: Array, num: int) -> Noise:
    """Draw latents and labels for the global batch and return this device's share of `num` rows."""
    z_key, label_key = jax.random.split(key)
    total = num * axis.size()
    labels = jax.random.randint(label_key, (total,), 0, gan.num_classes or 1)
    return Noise(axis.share(gan.latent.draw(z_key, total)), axis.share(labels))


def class_loss(class_logits: Array, labels: Array) -> Array:
    """Return the mean cross-entropy of class logits [B, K] for labels int32[B], in nats."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(class_logits, labels))
