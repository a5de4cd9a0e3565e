"""One training step of any GAN: a pure function of the state and a batch, on one device's share of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxgan.base import axis
from jaxgan.base.pixels import to_range
from jaxgan.base.types import Array, Batch, PyTree
from jaxgan.nets import conv
from jaxgan.training import microbatch
from jaxgan.training.ema import move_averages
from jaxgan.training.gan import Gan, check_batch
from jaxgan.training.loss import Metrics, d_loss, g_loss, share, taken_for_real
from jaxgan.training.passes import Keys, Noise, draw_noise, judge, make
from jaxgan.training.regularisation import Strength, move_augmentation, strength_at
from jaxgan.training.state import GanState


class Draws(NamedTuple):
    """What one update of a network draws: the noise that G makes images from, and keys."""

    noise: Noise
    keys: Keys


def make_train_step(gan: Gan) -> Callable[[GanState, Array, Array], tuple[GanState, Metrics]]:
    """Return the training step of a GAN, ready for `jit`, `pmap` or `scan`.

    The step takes (state, images uint8[d_steps, B, H, W, C], labels int32[d_steps, B]); of data with levels uint16, of
    data with label vectors float32[d_steps, B, L]. It returns the next state and metrics float32[]: `d/loss`,
    `d/loss_real`, `d/loss_fake`, `d/acc`, `d/acc_real`, `d/acc_fake`, `g/loss` and `g/acc`, the share of G's images
    that D takes for real. Where D tells labels it adds `d/class_real`, `d/class_fake` and `g/class`. With
    `gan.augment_target` it adds `d/augment_p`, the probability of augmentations. With `gan.projected` it adds
    `d/projected` and `g/projected`, the losses of the second discriminator, which the others leave out.

    Each penalty adds `d/<name>`. Where penalties are computed every `k` steps it is scaled by `k`, and 0 at the other
    steps, so that means over many steps are right. Losses and accuracies are those at the parameters before the update
    they belong to. The step raises UserError where it is traced with other shapes or types.
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
        # Optax's Adam cannot be traced where JAX is told to promote strictly.
        stack.enter_context(jax.numpy_dtype_promotion("standard"))
        if gan.matmul != "default":
            stack.enter_context(jax.default_matmul_precision(gan.matmul))
        return _update_both(gan, state, images, labels)


def _update_both(gan: Gan, state: GanState, images: Array, labels: Array) -> tuple[GanState, Metrics]:
    rule, per_step = gan.rule, gan.rule.d_steps * images.shape[1] * axis.size()
    seen = state.step.astype(jnp.float32) * per_step
    strength = strength_at(gan, state, seen)
    g_draws, d_draws = _draw(gan, state, labels)
    reals = [Batch(to_range(x, gan.image_range), y) for x, y in zip(images, labels, strict=True)]
    accuracies = {}
    if rule.accuracy_stats == "running":
        accuracies = inference_accuracies(gan, state, reals[0], d_draws[0].noise)

    if rule.order == "d_first":
        state, d_metrics = update_d_repeatedly(gan, state, reals, d_draws, None, strength)
        state, _, g_metrics = update_g(gan, state, reals[-1], g_draws, strength)
    else:
        before = state.g.params
        state, fakes, g_metrics = update_g(gan, state, reals[-1], g_draws, strength)
        after = state.g
        if rule.order == "simultaneous":  # D's fakes are those of G as it was
            state = state.replace(g=after.replace(params=before))
        given = fakes if rule.latents == "shared" else None
        state, d_metrics = update_d_repeatedly(gan, state, reals, d_draws, given, strength)
        # Making fakes moved the statistics of G on each device.
        stats = state.g.batch_stats if given else axis.mean(state.g.batch_stats)
        state = state.replace(g=after.replace(batch_stats=stats))

    state = move_averages(gan, state, seen, per_step)
    state, control_metrics = move_augmentation(gan, state, d_metrics["d/acc_real"], per_step, strength)
    metrics = {**d_metrics, **control_metrics, **g_metrics, **accuracies}
    return state.replace(step=state.step + 1), metrics


def _draw(gan: Gan, state: GanState, labels: Array) -> tuple[Draws, list[Draws]]:
    """Draw what a step needs: for G's update, and for each of D's, beside real images of these labels."""
    g_key, d_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    # Further keys leave the first ones as they are (threefry's split), so older runs resume bit for bit.
    of_g = jax.random.split(g_key, 3)
    of_d = jax.random.split(d_key, (3, gan.rule.d_steps))
    batch = labels.shape[1]
    g_noise = draw_noise(gan, of_g[0], batch, labels[-1])
    d_draws = []
    for i in range(gan.rule.d_steps):
        noise = g_noise if gan.rule.latents == "shared" else draw_noise(gan, of_d[0, i], batch, labels[i])
        d_draws.append(Draws(noise, Keys(of_d[1, i], of_d[2, i])))
    return Draws(g_noise, Keys(of_g[1], of_g[2])), d_draws


def update_d_repeatedly(
    gan: Gan, state: GanState, reals: Sequence[Batch], draws: Sequence[Draws], fakes: Batch | None, strength: Strength
) -> tuple[GanState, Metrics]:
    """Make D's updates of one step, on `fakes` or on new ones of G, and return the metrics of the last."""
    metrics: Metrics = {}
    for real, (noise, keys) in zip(reals, draws, strict=True):
        make_key, loss_key = jax.random.split(keys.rest)
        fake = fakes
        if fake is None:
            state, fake = make_fakes(gan, state, noise, make_key)
        sides = {"real": real, "fake": jax.lax.stop_gradient(fake)}
        state, metrics = update_d(gan, state, sides, Keys(keys.dropout, loss_key), strength)
    return state, metrics


def make_fakes(gan: Gan, state: GanState, noise: Noise, key: Array) -> tuple[GanState, Batch]:
    """Make D's fakes. G's batch statistics may move, on each device by itself."""

    def part(stats: PyTree, noise: Noise, key: Array) -> tuple[PyTree, Metrics, Array]:
        variables, train = {**state.g.variables, "batch_stats": stats}, gan.rule.g_stats_for_d == "batch"
        images, stats = make(gan, variables, noise, train=train, dropout_key=key)
        return stats, {}, images

    stats, _, images = microbatch.mean(gan.microbatches, part, state.g.batch_stats, noise, key)
    return state.replace(g=state.g.replace(batch_stats=stats)), Batch(images, noise.labels)


def update_d(
    gan: Gan, state: GanState, sides: dict[str, Batch], keys: Keys, strength: Strength
) -> tuple[GanState, Metrics]:
    """Move D towards telling real from fake, in one optimiser step or in two."""
    parts = [{name: side} for name, side in sides.items()] if gan.rule.d_passes == "two_steps" else [sides]
    metrics: Metrics = {}
    of_parts = map(Keys, *(jax.random.split(key, len(parts)) for key in keys))
    d = state.d

    def of_part(stats: PyTree, sides: dict[str, Batch], keys: Keys) -> tuple[PyTree, tuple[PyTree, Metrics], tuple[()]]:
        grads, (stats, metrics) = jax.grad(d_loss, has_aux=True)(d.params, gan, stats, sides, keys, strength)
        return stats, (grads, metrics), ()

    for part, part_keys in zip(parts, of_parts, strict=True):
        stats, means, _ = microbatch.mean(gan.microbatches, of_part, d.batch_stats, part, part_keys)
        (grads, part_metrics), stats = axis.mean((means, stats))
        d = d.apply_gradients(grads=grads, batch_stats=stats)
        for name in {"d/lecam", "d/projected"} & metrics.keys():  # each part has a term of its own
            part_metrics[name] += metrics[name]
        metrics |= part_metrics
    metrics["d/loss"] = gan.rule.d_loss_report * (metrics["d/loss_real"] + metrics["d/loss_fake"])
    metrics["d/acc"] = (metrics["d/acc_real"] + metrics["d/acc_fake"]) / 2
    return state.replace(d=d), metrics


def update_g(
    gan: Gan, state: GanState, real: Batch, draws: Draws, strength: Strength
) -> tuple[GanState, Batch, Metrics]:
    """Move G towards images that D takes for real; of D only batch statistics may move.

    Args:
      gan: the GAN.
      state: both networks.
      real: images that a relative loss compares G's with.
      draws: of this update.
      strength: of augmentations.

    Returns:
      The state, the images and the metrics.
    """

    def of_part(
        stats: tuple[PyTree, PyTree], batch: tuple[Noise, Batch], keys: Keys
    ) -> tuple[PyTree, tuple[PyTree, Metrics], Array]:
        g_stats, d_stats = stats
        nets = state.replace(g=state.g.replace(batch_stats=g_stats), d=state.d.replace(batch_stats=d_stats))
        slope = jax.grad(g_loss, has_aux=True)
        grads, (stats, images, metrics) = slope(state.g.params, gan, nets, batch, keys, strength)
        return stats, (grads, metrics), images

    stats, batch = (state.g.batch_stats, state.d.batch_stats), (draws.noise, real)
    stats, means, images = microbatch.mean(gan.microbatches, of_part, stats, batch, draws.keys)
    (grads, metrics), (g_stats, d_stats) = axis.mean((means, stats))
    g = state.g.apply_gradients(grads=grads, batch_stats=g_stats)
    state = state.replace(g=g, d=state.d.replace(batch_stats=d_stats))
    return state, Batch(images, draws.noise.labels), metrics


def inference_accuracies(gan: Gan, state: GanState, real: Batch, noise: Noise) -> Metrics:
    """Return the accuracies of both networks in inference mode, at the parameters given."""

    def of_part(carry: tuple[()], batch: tuple[Batch, Noise], keys: None) -> tuple[tuple[()], list[Array], tuple[()]]:
        real, noise = batch
        images, _ = make(gan, state.g.variables, noise, train=False)
        on_real, _ = judge(gan, state.d.variables, *real, train=False, alone=True)
        on_fake, _ = judge(gan, state.d.variables, images, noise.labels, train=False, alone=True)
        logits = {"real": on_real.logits, "fake": on_fake.logits}
        return carry, [share(taken_for_real(gan, logits, name)) for name in ("real", "fake")], ()

    _, (real_acc, g_acc), _ = microbatch.mean(gan.microbatches, of_part, (), (real, noise), None)
    accuracies = {"d/acc_real": real_acc, "d/acc_fake": 1 - g_acc, "d/acc": (real_acc + 1 - g_acc) / 2, "g/acc": g_acc}
    return axis.mean(accuracies)
