"""jaxgan's training step against the TensorFlow twins: same weights, pictures and latents, two steps of plain SGD.

Run it with `python -m pytest -o addopts= tests/benchmarks`.
"""

from __future__ import annotations

import re

import jax
import numpy as np
import pytest
from parity import (
    BATCH,
    CLASSES,
    D_RATE,
    G_RATES,
    STEPS,
    USUAL_G_RATE,
    batch,
    build,
    check_update,
    noises,
    small_config,
)

from jaxgan.base import machine
from jaxgan.training.step import make_train_step

tf = pytest.importorskip("tensorflow")

import keras  # noqa: E402  (after TensorFlow has been found)
from keras import layers  # noqa: E402
from tf_twins import TWINS  # noqa: E402

# Our name of each layer with variables; those of a kind come in the same order in both.
KINDS = {
    layers.Conv2DTranspose: ("ConvTranspose",),
    layers.Conv2D: ("UpsampleConv", "Conv"),
    layers.BatchNormalization: ("BatchNorm",),
    layers.Dense: ("Dense",),
    layers.Embedding: ("Embed",),
}
NAMES = {"kernel": "kernel", "bias": "bias", "gamma": "scale", "beta": "bias", "embeddings": "embedding"}
NAMES |= {"moving_mean": "mean", "moving_variance": "var"}


@pytest.fixture(autouse=True)
def double_precision():
    keras.config.set_floatx("float64")
    with jax.enable_x64(True):
        yield
    keras.config.set_floatx("float32")


def export(variables, net, mirrored):
    """Return our arrays in the order of `net.variables`, without those of its random layers."""
    params, stats, out = dict(variables["params"]), variables.get("batch_stats", {}), []
    for layer in net.layers:
        names = next((names for kind, names in KINDS.items() if type(layer) is kind), None)
        if names is None:
            continue
        numbered = [f"{name}_{i}" for name in names for i in range(20) if f"{name}_{i}" in params]
        name = layer.name if layer.name in params else numbered[0]
        arrays = {**params.pop(name), **stats.get(name, {})}
        for variable in layer.variables:
            array = np.asarray(arrays[NAMES[variable.path.rsplit("/", 1)[1]]])
            if array.ndim == 4:
                # TensorFlow's transposed convolution is the gradient of a convolution, which turns the kernel round.
                if mirrored != isinstance(layer, layers.Conv2DTranspose):
                    array = array[::-1, ::-1]
                array = array.swapaxes(2, 3) if isinstance(layer, layers.Conv2DTranspose) else array
            out.append(array)
    assert not params
    return out


def weights(net):
    """Return the variables that `export` returns."""
    return [variable for variable in net.variables if "seed" not in variable.path]


def make_twin(name, config, state):
    twin = TWINS[name](config, CLASSES)
    for net, ours in (twin.g, state.g), (twin.d, state.d):
        for variable, array in zip(weights(net), export(ours.variables, net, twin.mirrored), strict=True):
            variable.assign(array)
    for mean, value in zip(twin.ema, twin.averaged, strict=True):
        mean.assign(value)
    twin.g_optimiser = keras.optimizers.SGD(G_RATES.get(name, USUAL_G_RATE))
    twin.d_optimiser = keras.optimizers.SGD(D_RATE)
    twin.g_optimiser.build(twin.g.trainable_variables)
    twin.d_optimiser.build(twin.d.trainable_variables)
    return twin


def check(before, after, theirs, name):
    """Compare the updates of arrays, and require that most of them moved."""
    moved = [
        check_update(old, new, np.asarray(their), f"{name} {re.sub('.*/', '', their.path)} {their.shape}")
        for old, new, their in zip(before, after, theirs, strict=True)
    ]
    assert np.mean(moved) > 0.5, "updates too small to compare"


def compare(name, twin_config, ours):
    """Run both and compare losses, updates, statistics and averages after every step."""
    _, gan, state = ours
    twin = make_twin(name, twin_config, state)
    step = jax.jit(make_train_step(gan), compiler_options=machine.compiler_options())
    start = state
    for i in range(STEPS):
        images, labels = batch(gan, i)
        drawn = [(np.asarray(n.z, np.float64).reshape(BATCH, *twin.latent_shape), n.labels) for n in noises(gan, state)]
        queue = iter(drawn)
        twin.draw = lambda num=None, queue=queue: tuple(map(tf.constant, next(queue)))
        shown = images[0][:, ::-1, ::-1] if twin.mirrored else images[0]
        theirs = twin.step(tf.constant(shown.copy()), tf.constant(labels[0]))
        assert next(queue, None) is None, "the twin drew less than ours"
        state, metrics = step(state, images, labels)
        assert set(metrics) == set(theirs)
        for key, value in metrics.items():
            if i and "acc" in key:
                continue  # counts, which one logit near zero changes
            np.testing.assert_allclose(theirs[key], value, rtol=1e-4, atol=1e-4, err_msg=f"{key}, step {i}")
        for label, net, old, new in (("G", twin.g, start.g, state.g), ("D", twin.d, start.d, state.d)):
            arrays = (export(of.variables, net, twin.mirrored) for of in (old, new))
            check(*arrays, weights(net), label)
        before, after = (export(of.ema, twin.g, twin.mirrored) for of in (start, state))
        for old, new, their, variable in zip(before, after, twin.ema, weights(twin.g), strict=True):
            check_update(old, new, their.numpy(), f"average of {variable.path}")


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gan_mlp", {}),
        ("dcgan", {}),
        ("dcgan", {"g_stats_for_d": "running"}),
        ("acgan", {}),
        ("acgan", {"d_stats_in_g": "running"}),
        ("dcgan64", {}),
        ("dcgan_z1x1", {}),
    ],
)
def test_steps_agree(name, rule):
    ours = build(name, **rule)
    compare(name, ours[0], ours)


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gan_mlp", {"order": "d_first"}),
        ("acgan", {"d_passes": "separate"}),
        ("dcgan64", {"d_passes": "joint"}),
        ("dcgan_z1x1", {"order": "d_first"}),
    ],
)
def test_another_rule_is_noticed(name, rule):
    with pytest.raises((AssertionError, StopIteration)):
        compare(name, small_config(name), build(name, **rule))
