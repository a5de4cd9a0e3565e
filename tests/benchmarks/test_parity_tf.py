"""jaxgan's training step against the TensorFlow twins: same weights, images and latents, two steps of plain SGD.

Run it with `python -m pytest -o addopts= tests/benchmarks`.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest
from parity import (
    BATCH,
    CLASSES,
    D_RATE,
    G_RATES,
    SAME,
    USUAL_G_RATE,
    build,
    check_steps,
    check_update,
    check_updates,
    small_config,
)

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


def check_net(old, new, net, mirrored, name):
    """Compare every parameter and running statistic of a network, and require that most of them moved."""
    before, after = (export(state.variables, net, mirrored) for state in (old, new))
    theirs = [(np.asarray(their), f"{name} {their.path} {their.shape}") for their in weights(net)]
    check_updates((*ours, *their) for *ours, their in zip(before, after, theirs, strict=True))


def check_average(old, new, twin):
    """Compare the generator's average in the same way."""
    before, after = (export(state.ema, twin.g, twin.mirrored) for state in (old, new))
    names = [f"average of {variable.path}" for variable in weights(twin.g)]
    for a, b, their, name in zip(before, after, twin.ema, names, strict=True):
        check_update(a, b, their.numpy(), name)


def feed(twin, drawn):
    """Let the twin draw the given latents and labels, one after the other."""
    queue = iter([(np.asarray(n.z, np.float64).reshape(BATCH, *twin.latent_shape), n.labels) for n in drawn])
    twin.draw = lambda num=None: tuple(map(tf.constant, next(queue)))
    return queue


def compare(name, twin_config, ours):
    """Run both and compare losses, updates, statistics and averages after every step."""
    twin = make_twin(name, twin_config, ours[2])

    def step_twin(images, labels):
        shown = images[:, ::-1, ::-1] if twin.mirrored else images
        return twin.step(tf.constant(shown.copy()), tf.constant(labels))

    def check(start, state):
        check_net(start.g, state.g, twin.g, twin.mirrored, "G")
        check_net(start.d, state.d, twin.d, twin.mirrored, "D")
        check_average(start, state, twin)

    check_steps(ours, lambda drawn: feed(twin, drawn), step_twin, check)


@pytest.mark.parametrize(("name", "rule"), SAME)
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
