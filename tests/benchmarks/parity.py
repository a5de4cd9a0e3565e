"""jaxgan's side of the comparisons with twins: small GANs in float64, what a step is given, when two updates agree.

In float32 rounding decides the sign of some inputs of a ReLU, and single signs weigh up to 1 % of an update, in XLA's
own convolutions as in ours.
"""

from __future__ import annotations

import copy
import functools

import jax
import numpy as np
import optax
import systems

from jaxgan import gans
from jaxgan.base import machine
from jaxgan.base.types import DataInfo
from jaxgan.training.passes import cast, draw_noise
from jaxgan.training.state import create_state
from jaxgan.training.step import make_train_step

BATCH, CLASSES, STEPS = 8, 10, 2
# Large enough for an update to stand out from the rounding of a parameter.
G_RATES, USUAL_G_RATE, D_RATE = {"dcgan_z1x1": 0.01}, 0.1, 0.05
# Systems, and rules that both sides are given: the steps must agree.
SAME = [
    ("gan_mlp", {}),
    ("dcgan", {}),
    ("dcgan", {"g_stats_for_d": "running"}),
    ("acgan", {}),
    ("acgan", {"d_stats_in_g": "running"}),
    ("dcgan64", {}),
    ("dcgan_z1x1", {}),
]
# Relative differences of updates: images and logits pass from network to network as float32.
TOLERANCE = 1e-3


def small_config(name, **rule):
    """Return a system's configuration with small maps, without dropout."""
    config = systems.get_config(name)
    config.rule.update(rule)
    config.data.batch_size = BATCH
    if name == "dcgan64":
        config.model.width, config.data.image_size = 8, 32
    if name == "images64":
        config.model.g_widths, config.model.d_widths, config.data.image_size = (12, 8), (8, 12), 16
        config.augment_p, config.augment_by_size = 0.0, False  # twins do not augment
        config.projected.weight = 0.0  # nor see features of ImageNet
        config.data.instance_features = 0
    if "dropout" in config.model:
        config.model.dropout = 0.0
    return config


@functools.cache
def build(name, **rule):
    """Return a GAN and its first state, both optimisers plain SGD."""
    config = small_config(name, **rule)
    side = config.data.image_size
    gan = gans.build(config, DataInfo((side, side, config.data.channels), 1_000, CLASSES))
    g_optimiser = optax.sgd(G_RATES.get(name, USUAL_G_RATE))
    state = create_state(gan, g_optimiser, optax.sgd(D_RATE), jax.random.key(1))
    g, d, ema = cast((state.g, state.d, state.ema), "float64")
    gan = copy.copy(gan)
    object.__setattr__(gan, "precision", "float64")  # which is no setting: only here rounding would hide differences
    return config, gan, state.replace(g=g, d=d, ema=ema)


def batch(gan, step):
    rng = np.random.default_rng(step)
    images = rng.integers(0, 256, (1, BATCH, *gan.data.image_shape), np.uint8)
    return images, rng.integers(0, CLASSES, (1, BATCH), np.int32)


def noises(gan, state):
    """Return what the step draws, in the order in which a twin asks for it: D's first if it has its own."""
    g_key, d_key = jax.random.split(jax.random.fold_in(state.key, state.step))
    g_noise = draw_noise(gan, jax.random.split(g_key)[0], BATCH)
    d_noise = draw_noise(gan, jax.random.split(d_key, (2, 1))[0, 0], BATCH)
    return [g_noise] if gan.rule.latents == "shared" else [d_noise, g_noise]


def check_update(old, ours, theirs, name):
    """Compare two updates of one array, up to the rounding of the array itself."""
    error, size = np.linalg.norm(ours - theirs), np.linalg.norm(ours - old)
    # A bias before a batch norm has a gradient of zero, of which rounding leaves something.
    rounding = 1e-7 * np.sqrt(old.size) * max(50 if name.endswith("bias") else 1, np.abs(old).max())
    assert error <= TOLERANCE * size + rounding, f"{name}: {error:.2e} of an update of {size:.2e}"
    return size > 10 * rounding


def check_updates(updates):
    """Compare the updates (old, ours, theirs, name) of a network, and require that most of its arrays moved."""
    moved = [check_update(*update) for update in updates]
    assert np.mean(moved) > 0.5, "updates too small to compare"


def check_steps(ours, feed, step_twin, check):
    """Make the steps on both sides, and compare losses and arrays after each.

    Args:
      ours: of `build`.
      feed: lets the twin draw the given noises, one after the other, and returns the queue that they leave.
      step_twin: (images uint8[B, H, W, C], labels) -> the twin's metrics.
      check: compares the twin's arrays with our first state and our last.
    """
    _, gan, state = ours
    step = jax.jit(make_train_step(gan), compiler_options=machine.compiler_options())
    start = state
    for i in range(STEPS):
        images, labels = batch(gan, i)
        queue = feed(noises(gan, state))
        theirs = step_twin(images[0], labels[0])
        assert next(queue, None) is None, "the twin drew less than ours"
        state, metrics = step(state, images, labels)
        assert set(metrics) == set(theirs)
        for key, value in metrics.items():
            if i and "acc" in key:
                continue  # counts, which one logit near zero changes
            np.testing.assert_allclose(theirs[key].numpy(), value, rtol=1e-4, atol=1e-4, err_msg=f"{key}, step {i}")
        check(start, state)
