"""One training step of any GAN: a pure function of the state and a batch, on one device's share of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.base import axis
from jaxgan.base.pixels import to_range
from jaxgan.base.types import Array, Batch, PyTree
from jaxgan.nets import conv
from jaxgan.objectives.augment import adaptive
from jaxgan.training import average, microbatch, power_ema
from jaxgan.training.gan import Gan, check_batch
from jaxgan.training.loss import Metrics, d_loss, g_loss, taken_for_real
from jaxgan.training.passes import Noise, draw_noise, judge, make
from jaxgan.training.regularisation import Strength, strength_at
from jaxgan.training.state import GanState, NetState


class DKeys(NamedTuple):
    """Keys of one update of D: for its noise, its dropout, and all else (G's dropout, augmentation, penalties)."""

    noise: Array
    dropout: Array
    rest: Array


def make_train_step(gan: Gan) -> Callable[[GanState, Array, Array], tuple[GanState, Metrics]]:
    """Return the training step of a GAN, ready for `jit`, `pmap` or `scan`.

    The step takes (state, images uint8[d_steps, B, H, W, C], labels int32[d_steps, B]) and returns the next state
    and scalar float32 metrics: `d/loss`, `d/loss_real`, `d/loss_fake`, `d/acc`, `d/acc_real`, `d/acc_fake`, `g/loss`,
    `g/acc` (the share of G's images that D takes for real); with a class head `d/class_real`, `d/class_fake`,
    `g/class`; with `gan.augment_target` `d/augment_p`, the probability of augmentations; and `d/<name>` for each
    penalty (where they are computed at each k-th step only, k times their value then and 0 at the others, so that means
    over many steps are right). Losses and accuracies are those at the parameters before the update they belong to. It
    raises UserError where it is traced with other shapes or types.
    """

    def step(state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
        return train_step(gan, state, images, labels)

    return step


def train_step(gan: Gan, state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
    """Update both networks once, in the order of `gan.rule`, computing as the GAN's fields say."""
    check_batch(gan, images, labels)
    microbatch.check(gan.microbatches, images.shape[1], gan.pack)
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
    if gan.augment_target:
        strength = strength._replace(augment=state.d.batch_stats["augment"]["share"])
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
    if gan.augment_target and gan.augment is not None:
        sureness, speed = 2 * d_metrics["d/acc_real"] - 1, per_step / gan.augment_images
        control = adaptive.moved(d.batch_stats["augment"], sureness, state.step, gan.augment_target, speed)
        d = d.replace(batch_stats={**d.batch_stats, "augment": control})
        d_metrics |= {"d/augment_p": gan.augment.p * strength.augment}
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
            g, fake = make_fakes(gan, g, noise, make_key)
        d, metrics = update_d(gan, d, real, jax.lax.stop_gradient(fake), key.dropout, loss_key, strength)
    return g, d, metrics


def make_fakes(gan: Gan, g: NetState, noise: Noise, key: Array) -> tuple[NetState, Batch]:
    """Make D's fakes; G's batch statistics may move."""

    def part(stats: PyTree, noise: Noise, part_keys: list[Array]) -> tuple[PyTree, Metrics, Array]:
        variables, train = {**g.variables, "batch_stats": stats}, gan.rule.g_stats_for_d == "batch"
        images, stats = make(gan, variables, noise, train=train, dropout_key=part_keys[0])
        return stats, {}, images

    stats, _, images = microbatch.mean(gan.microbatches, part, g.batch_stats, noise, [key])
    return g.replace(batch_stats=stats), Batch(images, noise.labels)


def update_d(
    gan: Gan, d: NetState, real: Batch, fake: Batch, dropout_key: Array, key: Array, strength: Strength
) -> tuple[NetState, Metrics]:
    """Move D towards telling real from fake, in one optimiser step or in two."""
    sides = {"real": real, "fake": fake}
    parts = [{name: side} for name, side in sides.items()] if gan.rule.d_passes == "two_steps" else [sides]
    metrics: Metrics = {}
    keys = zip(jax.random.split(dropout_key, len(parts)), jax.random.split(key, len(parts)), strict=True)
    for part, part_keys in zip(parts, keys, strict=True):
        grads, stats, part_metrics = axis.mean(d_gradients(gan, d, part, list(part_keys), strength))
        d = d.apply_gradients(grads=grads, batch_stats=stats)
        if "d/lecam" in metrics:  # each part has a term of its own
            part_metrics["d/lecam"] += metrics["d/lecam"]
        metrics |= part_metrics
    metrics["d/loss"] = gan.rule.d_loss_report * (metrics["d/loss_real"] + metrics["d/loss_fake"])
    metrics["d/acc"] = (metrics["d/acc_real"] + metrics["d/acc_fake"]) / 2
    return d, metrics


def d_gradients(
    gan: Gan, d: NetState, sides: dict[str, Batch], keys: list[Array], strength: Strength
) -> tuple[PyTree, PyTree, Metrics]:
    """Return the gradients of D's loss on this device's images, the new batch statistics and the metrics."""

    def of_part(
        stats: PyTree, sides: dict[str, Batch], keys: list[Array]
    ) -> tuple[PyTree, tuple[PyTree, Metrics], tuple[()]]:
        slope = jax.grad(d_loss, has_aux=True)
        grads, (stats, metrics) = slope(d.params, gan, stats, sides, *keys, strength)
        return stats, (grads, metrics), ()

    stats, (grads, metrics), _ = microbatch.mean(gan.microbatches, of_part, d.batch_stats, sides, keys)
    return grads, stats, metrics


def update_g(
    gan: Gan, g: NetState, d: NetState, noise: Noise, real: Batch, keys: list[Array], strength: Strength
) -> tuple[NetState, NetState, Batch, Metrics]:
    """Move G towards images that D takes for real; of D only batch statistics may move.

    Args:
      gan: the GAN.
      g: its generator.
      d: its discriminator.
      noise: what G makes images from.
      real: images that a relative loss compares them with.
      keys: of D's dropout, and for all else.
      strength: of augmentations.
    """

    def of_part(
        stats: tuple[PyTree, PyTree], batch: tuple[Noise, Batch], keys: list[Array]
    ) -> tuple[PyTree, tuple[PyTree, Metrics], Array]:
        nets = [net.replace(batch_stats=own) for net, own in zip((g, d), stats, strict=True)]
        slope = jax.grad(g_loss, has_aux=True)
        grads, (g_stats, d_stats, images, metrics) = slope(g.params, gan, *nets, *batch, *keys, strength)
        return (g_stats, d_stats), (grads, metrics), images

    stats, means, images = microbatch.mean(
        gan.microbatches, of_part, (g.batch_stats, d.batch_stats), (noise, real), keys
    )
    (grads, metrics), (g_stats, d_stats) = axis.mean((means, stats))
    g = g.apply_gradients(grads=grads, batch_stats=g_stats)
    return g, d.replace(batch_stats=d_stats), Batch(images, noise.labels), metrics


def inference_accuracies(gan: Gan, g: NetState, d: NetState, real: Batch, noise: Noise) -> Metrics:
    """Return the accuracies of both networks in inference mode, at the parameters given."""

    def of_part(state: tuple[()], batch: tuple[Batch, Noise], keys: list[Array]) -> tuple[tuple[()], Any, tuple[()]]:
        real, noise = batch
        images, _ = make(gan, g.variables, noise, train=False)
        (on_real, _), _ = judge(gan, d.variables, *real, train=False)
        (on_fake, _), _ = judge(gan, d.variables, images, noise.labels, train=False)
        logits = {"real": on_real, "fake": on_fake}
        return state, [jnp.mean(taken_for_real(gan, logits, name)) for name in ("real", "fake")], ()

    _, (real_acc, g_acc), _ = microbatch.mean(gan.microbatches, of_part, (), (real, noise), [])
    accuracies = {"d/acc_real": real_acc, "d/acc_fake": 1 - g_acc, "d/acc": (real_acc + 1 - g_acc) / 2, "g/acc": g_acc}
    return axis.mean(accuracies)
