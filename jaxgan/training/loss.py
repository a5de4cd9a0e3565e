"""What the two networks minimise on the images of one device, and the metrics that come with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxgan.base import axis
from jaxgan.base.types import Array, Batch, PyTree
from jaxgan.nets.embed import Condition, within
from jaxgan.objectives import lecam
from jaxgan.training.gan import Gan
from jaxgan.training.passes import Keys, Noise, Scores, augmented, judge, make
from jaxgan.training.regularisation import ALWAYS, Strength
from jaxgan.training.state import GanState

Metrics = dict[str, Array]


def d_loss(
    params: PyTree, gan: Gan, stats: PyTree, sides: dict[str, Batch], keys: Keys, strength: Strength = ALWAYS
) -> tuple[Array, tuple[PyTree, Metrics]]:
    """Return D's loss on one or both kinds of images.

    Args:
      params: of D; gradients are taken by them.
      gan: the GAN.
      stats: D's batch statistics.
      sides: 'real' and 'fake' images, or one of them.
      keys: of dropout, and of augmentations and penalties.
      strength: of augmentations and penalties.

    Returns:
      The loss float32[], and D's new batch statistics and metrics.
    """
    *augment_keys, penalty_key = jax.random.split(keys.rest, 3)
    shown = {
        name: side._replace(images=augmented(gan, side.images, own, strength))
        for (name, side), own in zip(sides.items(), augment_keys, strict=False)
    }
    scored, new_stats = score_sides(gan, params, stats, shown, keys.dropout)
    logits = {name: scores.logits for name, scores in scored.items()}
    of_features = {name: scores.of_features for name, scores in scored.items()}
    total, metrics = jnp.float32(0), {}
    for name, term in (("real", gan.loss.d_real), ("fake", gan.loss.d_fake)):
        if name not in sides:
            continue
        loss = jnp.mean(term(*both(logits)))
        class_logits = scored[name].class_logits
        if class_logits is not None:
            metrics[f"d/class_{name}"] = label_loss(gan, head(class_logits, name), sides[name].labels)
            loss += gan.class_weight * metrics[f"d/class_{name}"]
        metrics[f"d/loss_{name}"] = loss
        metrics[f"d/acc_{name}"] = share(taken_for_real(gan, logits, name) == (name == "real"))
        total += gan.rule.d_loss_weight * loss
        if of_features[name] is not None:
            second = of_scales(term, of_features)
            metrics["d/projected"] = metrics.get("d/projected", 0.0) + second
            total += gan.rule.d_loss_weight * gan.projected * second
    if gan.lecam:
        anchors = lecam.moved(stats["lecam"], logits, strength.lecam)
        new_stats = {**new_stats, "lecam": anchors}
        metrics["d/lecam"] = lecam.penalty(anchors, logits)
        total += gan.lecam * strength.lecam * metrics["d/lecam"]
    penalty, penalty_metrics = penalise(gan, params, stats, sides, penalty_key, strength)
    return total + penalty, (new_stats, metrics | penalty_metrics)


def g_loss(
    params: PyTree, gan: Gan, state: GanState, batch: tuple[Noise, Batch], keys: Keys, strength: Strength = ALWAYS
) -> tuple[Array, tuple[tuple[PyTree, PyTree], Array, Metrics]]:
    """Return G's loss.

    Args:
      params: of G; gradients are taken by them.
      gan: the GAN.
      state: the rest of both networks.
      batch: noise that G makes images from, and real images that a relative loss compares them with.
      keys: of D's dropout, and of G's and of augmentations.
      strength: of augmentations.

    Returns:
      The loss float32[], and the new batch statistics of G and of D, the images and the metrics.
    """
    noise, real = batch
    make_key, fake_key, real_key, real_dropout_key = jax.random.split(keys.rest, 4)
    variables = {"params": params, "batch_stats": state.g.batch_stats}
    images, g_stats = make(gan, variables, noise, train=True, dropout_key=make_key)
    d_train = gan.rule.d_stats_in_g == "batch"

    def score(images: Array, labels: Array, key: Array, dropout_key: Array) -> tuple[Scores, PyTree]:
        shown = augmented(gan, images, key, strength)
        return judge(gan, state.d.variables, shown, labels, train=d_train, dropout_key=dropout_key)

    of_fakes, d_stats = score(images, noise.labels, fake_key, keys.dropout)
    scored = {"fake": of_fakes}
    if gan.loss.relative:
        scored["real"] = score(*real, real_key, real_dropout_key)[0]
    logits = {name: scores.logits for name, scores in scored.items()}
    loss = jnp.mean(gan.loss.g(*both(logits)))
    metrics = {"g/acc": share(taken_for_real(gan, logits, "fake"))}
    if of_fakes.class_logits is not None:
        metrics["g/class"] = label_loss(gan, head(of_fakes.class_logits, "real"), noise.labels)
        if of_fakes.class_logits.ndim > 2:
            # 0 on average where the images of a label are as in the data: G gains nothing by the clearest ones alone.
            metrics["g/class"] -= label_loss(gan, head(of_fakes.class_logits, "fake"), noise.labels)
        loss += gan.class_weight * metrics["g/class"]
    metrics["g/loss"] = loss
    if of_fakes.of_features is not None:
        of_features = {name: scores.of_features for name, scores in scored.items()}
        metrics["g/projected"] = of_scales(gan.loss.g, of_features)
        loss += gan.projected * metrics["g/projected"]
    return loss, ((g_stats, d_stats), images, metrics)


def both(logits: Mapping[str, Array | None]) -> tuple[Any, Any]:
    """Return the logits of reals and of fakes; None for a kind that was not shown, which only some losses need."""
    return logits.get("real"), logits.get("fake")


def of_scales(term: Callable[..., Array], of_features: Mapping[str, Array | None]) -> Array:
    """Return the mean float32[] of a loss over images and scales, of logits [B, S]; each scale is judged alone."""
    return jnp.mean(jax.vmap(term, in_axes=-1)(*both(of_features)))


def taken_for_real(gan: Gan, logits: dict[str, Array], name: str) -> Array:
    """Return bool[B], which images of a kind D takes for real: by a logit, or where one means nothing by pairs."""
    if not gan.loss.relative:
        return logits[name] > gan.loss.middle
    other = logits["fake" if name == "real" else "real"]
    return logits[name] > other


def share(true: Array) -> Array:
    """Return the share float32[] of bool[B] that is true."""
    return jnp.mean(true, dtype=jnp.float32)


def penalise(
    gan: Gan, params: PyTree, stats: PyTree, sides: dict[str, Batch], key: Array, strength: Strength
) -> tuple[Array | float, Metrics]:
    """Return the weighted sum of the penalties on the given kinds of images, and their own values as metrics."""
    chosen = [penalty for penalty in gan.penalties if set(penalty.sides) <= set(sides)]
    if not chosen:
        return 0.0, {}

    def values() -> Metrics:
        found = {}
        for penalty, own in zip(chosen, jax.random.split(key, len(chosen)), strict=True):
            point_key, augment_key, dropout_key = jax.random.split(own, 3)

            def score(images: Array, labels: Array, augment_key=augment_key, dropout_key=dropout_key) -> Array:
                shown = augmented(gan, images, augment_key, strength)
                variables = {"params": params, "batch_stats": stats}
                # Spectral norm bounds the second discriminator, whose frozen features would double the cost here.
                out, _ = judge(gan, variables, shown, labels, train=True, dropout_key=dropout_key, alone=True)
                return out.logits

            value = penalty.value(score, sides.get("real"), sides.get("fake"), point_key)
            found[f"d/{penalty.name}"] = gan.penalty_interval * jnp.mean(value)
        return found

    if gan.penalty_interval == 1:
        metrics = values()
    else:
        nothing = {f"d/{penalty.name}": jnp.float32(0) for penalty in chosen}
        metrics = jax.lax.cond(strength.penalty > 0, values, lambda: nothing)
    total = sum(penalty.weight * metrics[f"d/{penalty.name}"] for penalty in chosen)
    return total * strength.penalty / gan.penalty_interval, metrics


def score_sides(
    gan: Gan, params: PyTree, stats: PyTree, sides: dict[str, Batch], key: Array
) -> tuple[dict[str, Scores], PyTree]:
    """Let D score each kind of images, in one pass over all of them or one after the other."""
    if gan.rule.d_passes == "joint":
        together = Batch(*(jnp.concatenate(parts) for parts in zip(*sides.values(), strict=True)))
        with axis.stacked(len(sides)):
            scores, stats = judge(gan, {"params": params, "batch_stats": stats}, *together, train=True, dropout_key=key)
        halves = [jnp.split(x, len(sides)) if x is not None else [None] * len(sides) for x in scores]
        return dict(zip(sides, map(Scores, *halves), strict=True)), stats
    scored = {}
    for (name, side), side_key in zip(sides.items(), jax.random.split(key, len(sides)), strict=True):
        variables = {"params": params, "batch_stats": stats}
        scored[name], stats = judge(gan, variables, *side, train=True, dropout_key=side_key)
    return scored, stats


def head(class_logits: Array, name: str) -> Array:
    """Return the class logits [B, K] of the head that learns on a kind of images, of twins [B, 2, K] or a single one.

    Source: Gong, Xu, Li, Zhang and Batmanghelich, "Twin Auxiliary Classifiers GAN", 2019.
    """
    return class_logits if class_logits.ndim == 2 else class_logits[:, ("real", "fake").index(name)]


def label_loss(gan: Gan, told: Array, labels: Array) -> Array:
    """Return the mean loss float32[] of what D tells of images' labels.

    Of classes int32[B] it is the cross-entropy of class logits [B, K], in nats. Of label vectors float32[B, L], whose
    numbers are moved from their spans to [-1, 1], it is the mean of their squared errors.
    """
    if gan.label_size:
        return jnp.square(told - within(labels, Condition.of(gan.data).spans)).mean()
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(told, labels))
