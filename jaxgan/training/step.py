"""One training step of any GAN: a pure function of the state and a batch, on one device's share of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.base import axis
from jaxgan.base.pixels import to_range
from jaxgan.base.types import Array, Batch, PyTree
from jaxgan.nets import conv
from jaxgan.objectives import lecam
from jaxgan.training import average, power_ema
from jaxgan.training.gan import Gan, check_batch
from jaxgan.training.passes import Noise, Scores, apply, augmented, draw_noise, judge
from jaxgan.training.state import GanState, NetState
from jaxgan.training.strength import ALWAYS, Strength, strength_at

Metrics = dict[str, Array]


class DKeys(NamedTuple):
    """Keys of one update of D: for its noise, its dropout, and all else (G's dropout, augmentation, penalties)."""

    noise: Array
    dropout: Array
    rest: Array


def make_train_step(gan: Gan) -> Callable[[GanState, Array, Array], tuple[GanState, Metrics]]:
    """Return the training step of a GAN, ready for `jit`, `pmap` or `scan`.

    The step takes (state, images uint8[d_steps, B, H, W, C], labels int32[d_steps, B]) and returns the next state
    and scalar float32 metrics: `d/loss`, `d/loss_real`, `d/loss_fake`, `d/acc`, `d/acc_real`, `d/acc_fake`, `g/loss`,
    `g/acc` (the share of G's pictures that D takes for real); with a class head `d/class_real`, `d/class_fake`,
    `g/class`; and `d/<name>` for each penalty (where they are computed at each k-th step only, k times their value then
    and 0 at the others, so that means over many steps are right). Losses and accuracies are those at the parameters
    before the update they belong to. It raises UserError where it is traced with other shapes or types.
    """

    def step(state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
        return train_step(gan, state, images, labels)

    return step


def train_step(gan: Gan, state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
    """Update both networks once, in the order of `gan.rule`, computing as the GAN's fields say."""
    check_batch(gan, images, labels)
    # Around gradients too: our convolutions' own are traced only when they are taken.
    with contextlib.ExitStack() as stack:
        stack.enter_context(conv.forced(gan.convolution))
        if gan.matmul != "default":
            stack.enter_context(jax.default_matmul_precision(gan.matmul))
        return _update_both(gan, state, images, labels)


def _update_both(gan: Gan, state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
    rule, batch = gan.rule, images.shape[1]
    per_step = rule.d_steps * batch * axis.size()
    seen = state.step.astype(jnp.float32) * per_step
    strength = strength_at(gan, state.step, seen)
    g_key, d_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    # More keys than before leave the first ones as they were (threefry's split), so old runs go on bit for bit.
    of_g = jax.random.split(g_key, 3)
    of_d = jax.random.split(d_key, (3, rule.d_steps))
    d_keys = [DKeys(of_d[0, i], of_d[1, i], of_d[2, i]) for i in range(rule.d_steps)]
    g_noise, g_keys = draw_noise(gan, of_g[0], batch), [of_g[1], of_g[2]]
    shared = rule.latents == "shared"
    noises = [g_noise if shared else draw_noise(gan, keys.noise, batch) for keys in d_keys]
    reals = [Batch(to_range(x, gan.image_range), y) for x, y in zip(images, labels, strict=True)]
    g, d = state.g, state.d
    accuracies = inference_accuracies(gan, g, d, reals[0], noises[0]) if rule.accuracy_stats == "running" else {}

    if rule.order == "d_first":
        g, d, d_metrics = update_d_repeatedly(gan, g, d, reals, noises, None, d_keys, strength)
        g, d, _, g_metrics = update_g(gan, g, d, g_noise, reals[-1], g_keys, strength)
    else:
        new_g, d, fakes, g_metrics = update_g(gan, g, d, g_noise, reals[-1], g_keys, strength)
        maker = g.replace(batch_stats=new_g.batch_stats) if rule.order == "simultaneous" else new_g
        given = fakes if shared else None
        maker, d, d_metrics = update_d_repeatedly(gan, maker, d, reals, noises, given, d_keys, strength)
        g = new_g.replace(batch_stats=maker.batch_stats)

    ema = average.average(average.share_at(gan, state.step, seen, per_step), state.ema, g.variables)
    shares = [power_ema.share(std, state.step) for std in gan.ema_stds]
    tracks = [average.average(share, track, g.variables) for share, track in zip(shares, state.tracks, strict=True)]
    metrics = {**d_metrics, **g_metrics, **accuracies}
    return state.replace(step=state.step + 1, g=g, d=d, ema=ema, tracks=tuple(tracks)), metrics


def update_d_repeatedly(
    gan: Gan,
    g: NetState,
    d: NetState,
    reals: list[Batch],
    noises: list[Noise],
    fakes: Batch | None,
    keys: list[DKeys],
    strength: Strength,
) -> tuple[NetState, NetState, Metrics]:
    """Make D's updates of one step, on `fakes` or on new ones from g, and return the metrics of the last."""
    metrics: Metrics = {}
    for real, noise, key in zip(reals, noises, keys, strict=True):
        make_key, loss_key = jax.random.split(key.rest)
        fake = fakes
        if fake is None:
            train = gan.rule.g_stats_for_d == "batch"
            images, stats = apply(gan, gan.generator, g.variables, *noise, train=train, dropout_key=make_key)
            g, fake = g.replace(batch_stats=stats), Batch(images, noise.labels)
        d, metrics = update_d(gan, d, real, jax.lax.stop_gradient(fake), key.dropout, loss_key, strength)
    return g, d, metrics


def update_d(
    gan: Gan, d: NetState, real: Batch, fake: Batch, dropout_key: Array, key: Array, strength: Strength
) -> tuple[NetState, Metrics]:
    """Move D towards telling real from fake, in one optimiser step or in two."""
    sides = {"real": real, "fake": fake}
    parts = [{name: side} for name, side in sides.items()] if gan.rule.d_passes == "two_steps" else [sides]
    metrics: Metrics = {}
    keys = zip(jax.random.split(dropout_key, len(parts)), jax.random.split(key, len(parts)), strict=True)
    for part, part_keys in zip(parts, keys, strict=True):
        grads, (stats, part_metrics) = jax.grad(d_loss, has_aux=True)(
            d.params, gan, d.batch_stats, part, *part_keys, strength
        )
        grads, stats, part_metrics = axis.mean((grads, stats, part_metrics))
        d = d.apply_gradients(grads=grads, batch_stats=stats)
        if "d/lecam" in metrics:  # each part has a term of its own
            part_metrics["d/lecam"] += metrics["d/lecam"]
        metrics |= part_metrics
    metrics["d/loss"] = gan.rule.d_loss_report * (metrics["d/loss_real"] + metrics["d/loss_fake"])
    metrics["d/acc"] = (metrics["d/acc_real"] + metrics["d/acc_fake"]) / 2
    return d, metrics


def d_loss(
    params: PyTree,
    gan: Gan,
    stats: PyTree,
    sides: dict[str, Batch],
    dropout_key: Array,
    key: Array,
    strength: Strength = ALWAYS,
) -> tuple[Array, tuple[PyTree, Metrics]]:
    """Return D's loss on the given kinds of pictures, its new batch statistics and its metrics."""
    *augment_keys, penalty_key = jax.random.split(key, 3)
    shown = {
        name: side._replace(images=augmented(gan, side.images, own, strength))
        for (name, side), own in zip(sides.items(), augment_keys, strict=False)
    }
    scored, new_stats = score_sides(gan, params, stats, shown, dropout_key)
    logits = {name: scores[0] for name, scores in scored.items()}
    total, metrics = jnp.zeros(()), {}
    for name, term in (("real", gan.loss.d_real), ("fake", gan.loss.d_fake)):
        if name not in sides:
            continue
        loss = jnp.mean(term(*both(logits)))
        class_logits = scored[name][1]
        if class_logits is not None:
            metrics[f"d/class_{name}"] = class_loss(class_logits, sides[name].labels)
            loss += gan.class_weight * metrics[f"d/class_{name}"]
        metrics[f"d/loss_{name}"] = loss
        metrics[f"d/acc_{name}"] = jnp.mean(taken_for_real(gan, logits, name) == (name == "real"))
        total += gan.rule.d_loss_weight * loss
    if gan.lecam:
        anchors = lecam.moved(stats["lecam"], logits, strength.lecam)
        new_stats = {**new_stats, "lecam": anchors}
        metrics["d/lecam"] = lecam.penalty(anchors, logits)
        total += gan.lecam * strength.lecam * metrics["d/lecam"]
    penalty, penalty_metrics = penalise(gan, params, stats, sides, penalty_key, strength)
    return total + penalty, (new_stats, metrics | penalty_metrics)


def both(logits: dict[str, Array]) -> tuple[Any, Any]:
    """Return the logits of reals and of fakes; None for a kind that was not shown, which only some losses need."""
    return logits.get("real"), logits.get("fake")


def taken_for_real(gan: Gan, logits: dict[str, Array], name: str) -> Array:
    """Return bool[B], which pictures of a kind D takes for real: by sign, or where it means nothing by their pairs."""
    if not gan.loss.relative:
        return logits[name] > 0
    other = logits["fake" if name == "real" else "real"]
    return logits[name] > other


def penalise(
    gan: Gan, params: PyTree, stats: PyTree, sides: dict[str, Batch], key: Array, strength: Strength
) -> tuple[Array | float, Metrics]:
    """Return the weighted sum of the penalties on the given kinds of pictures, and their own values as metrics."""
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
                out, _ = judge(gan, variables, shown, labels, train=True, dropout_key=dropout_key)
                return out[0]

            value = penalty.value(score, sides.get("real"), sides.get("fake"), point_key)
            found[f"d/{penalty.name}"] = gan.penalty_interval * jnp.mean(value)
        return found

    if gan.penalty_interval == 1:
        metrics = values()
    else:
        nothing = {f"d/{penalty.name}": 0.0 for penalty in chosen}
        metrics = jax.lax.cond(strength.penalty > 0, values, lambda: jax.tree.map(jnp.float32, nothing))
    total = sum(penalty.weight * metrics[f"d/{penalty.name}"] for penalty in chosen)
    return total * strength.penalty / gan.penalty_interval, metrics


def score_sides(
    gan: Gan, params: PyTree, stats: PyTree, sides: dict[str, Batch], key: Array
) -> tuple[dict[str, Scores], PyTree]:
    """Let D score each kind of pictures, in one pass over all of them or one after the other."""
    if gan.rule.d_passes == "joint":
        together = Batch(*(jnp.concatenate(parts) for parts in zip(*sides.values(), strict=True)))
        with axis.stacked(len(sides)):
            scores, stats = judge(gan, {"params": params, "batch_stats": stats}, *together, train=True, dropout_key=key)
        halves = jax.tree.map(lambda x: jnp.split(x, len(sides)), scores)
        return {
            name: jax.tree.map(lambda x, i=i: x[i], halves, is_leaf=_is_list) for i, name in enumerate(sides)
        }, stats
    scored = {}
    for (name, side), side_key in zip(sides.items(), jax.random.split(key, len(sides)), strict=True):
        scored[name], stats = judge(
            gan, {"params": params, "batch_stats": stats}, *side, train=True, dropout_key=side_key
        )
    return scored, stats


def _is_list(x: object) -> bool:
    return isinstance(x, list)


def update_g(
    gan: Gan, g: NetState, d: NetState, noise: Noise, real: Batch, keys: list[Array], strength: Strength
) -> tuple[NetState, NetState, Batch, Metrics]:
    """Move G towards pictures that D takes for real; of D only batch statistics may move.

    Args:
      gan: the GAN.
      g: its generator.
      d: its discriminator.
      noise: what G makes pictures from.
      real: pictures that a relative loss compares them with.
      keys: of D's dropout, and for all else.
      strength: of augmentations.
    """
    grads, (g_stats, d_stats, images, metrics) = jax.grad(g_loss, has_aux=True)(
        g.params, gan, g, d, noise, real, *keys, strength
    )
    grads, g_stats, d_stats, metrics = axis.mean((grads, g_stats, d_stats, metrics))
    g = g.apply_gradients(grads=grads, batch_stats=g_stats)
    return g, d.replace(batch_stats=d_stats), Batch(images, noise.labels), metrics


def g_loss(
    params: PyTree,
    gan: Gan,
    g: NetState,
    d: NetState,
    noise: Noise,
    real: Batch,
    dropout_key: Array,
    key: Array,
    strength: Strength = ALWAYS,
) -> tuple[Array, tuple[PyTree, PyTree, Array, Metrics]]:
    """Return G's loss, both networks' new batch statistics, the pictures and the metrics."""
    make_key, fake_key, real_key, real_dropout_key = jax.random.split(key, 4)
    variables = {"params": params, "batch_stats": g.batch_stats}
    images, g_stats = apply(gan, gan.generator, variables, *noise, train=True, dropout_key=make_key)
    d_train = gan.rule.d_stats_in_g == "batch"

    def score(images: Array, labels: Array, own: Array, dropout_key: Array) -> tuple[Scores, PyTree]:
        shown = augmented(gan, images, own, strength)
        return judge(gan, d.variables, shown, labels, train=d_train, dropout_key=dropout_key)

    (fake_logits, class_logits), d_stats = score(images, noise.labels, fake_key, dropout_key)
    logits = {"fake": fake_logits}
    if gan.loss.relative:
        logits["real"] = score(*real, real_key, real_dropout_key)[0][0]
    loss = jnp.mean(gan.loss.g(*both(logits)))
    metrics = {"g/acc": jnp.mean(taken_for_real(gan, logits, "fake"))}
    if class_logits is not None:
        metrics["g/class"] = class_loss(class_logits, noise.labels)
        loss += gan.class_weight * metrics["g/class"]
    return loss, (g_stats, d_stats, images, metrics | {"g/loss": loss})


def inference_accuracies(gan: Gan, g: NetState, d: NetState, real: Batch, noise: Noise) -> Metrics:
    """Return the accuracies of both networks in inference mode, at the parameters given."""
    images, _ = apply(gan, gan.generator, g.variables, *noise, train=False)
    (on_real, _), _ = judge(gan, d.variables, *real, train=False)
    (on_fake, _), _ = judge(gan, d.variables, images, noise.labels, train=False)
    logits = {"real": on_real, "fake": on_fake}
    real_acc, g_acc = (jnp.mean(taken_for_real(gan, logits, name)) for name in ("real", "fake"))
    accuracies = {"d/acc_real": real_acc, "d/acc_fake": 1 - g_acc, "d/acc": (real_acc + 1 - g_acc) / 2, "g/acc": g_acc}
    return axis.mean(accuracies)


def class_loss(class_logits: Array, labels: Array) -> Array:
    """Return the mean cross-entropy of class logits [B, K] for labels int32[B], in nats."""
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(class_logits, labels))
