"""jaxgan's training step against the PyTorch twins: same weights, pictures and latents, two steps of plain SGD.

Run it with `python -m pytest -o addopts= tests/benchmarks`. Both compute in float64: in float32 rounding decides the
sign of some inputs of a ReLU, and single signs weigh up to 1 % of an update, in XLA's own convolutions as in ours.
"""

from __future__ import annotations

import dataclasses
import functools
from types import MethodType

import jax
import numpy as np
import optax
import pytest
import systems
from weights import export

from jaxgan import gans
from jaxgan.base import machine
from jaxgan.base.types import DataInfo
from jaxgan.training.passes import cast, draw_noise
from jaxgan.training.state import create_state
from jaxgan.training.step import make_train_step

torch = pytest.importorskip("torch")

from twin import Options  # noqa: E402  (imports torch)
from twins import TWINS  # noqa: E402

BATCH, CLASSES, STEPS = 8, 10, 2
# Large enough for an update to stand out from the rounding of a parameter.
G_RATES, USUAL_G_RATE, D_RATE = {"dcgan_z1x1": 0.01}, 0.1, 0.05
# Relative differences of updates: pictures and logits pass from network to network as float32.
TOLERANCE = 1e-3


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        yield
    torch.set_default_dtype(torch.float32)


def small_config(name, **rule):
    """Return a system's configuration with small maps, without dropout."""
    config = systems.get_config(name)
    config.rule.update(rule)
    config.data.batch_size = BATCH
    if name == "dcgan64":
        config.model.width, config.data.image_size = 8, 32
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
    return config, dataclasses.replace(gan, precision="float64"), state.replace(g=g, d=d, ema=ema)


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


def load(module, arrays):
    """Copy arrays into a module, and make its running variances biased as ours are."""
    module.load_state_dict({key: torch.tensor(value.copy()) for key, value in arrays.items()}, strict=False)
    for layer in module.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_pre_hook(remember_variance)
            layer.register_forward_hook(uncorrect_variance)


def remember_variance(layer, inputs):
    layer.old_var = layer.running_var.clone()


def uncorrect_variance(layer, inputs, output):
    """Take the factor N / (N - 1) out of what a pass in training mode added."""
    if layer.training:
        n = inputs[0].numel() // inputs[0].shape[1]
        kept = (1 - layer.momentum) * layer.old_var
        # Past the version counter: the backward pass does not read it.
        layer.running_var.data.copy_(kept + (layer.running_var - kept) * (n - 1) / n)


def make_twin(name, config, state, options):
    twin = TWINS[name](config, CLASSES, options)
    load(twin.g_net, export(state.g.variables, twin.g_net, mirrored=twin.mirrored))
    load(twin.d_net, export(state.d.variables, twin.d_net, mirrored=twin.mirrored))
    twin.g_optimiser = torch.optim.SGD(twin.g_params, G_RATES.get(name, USUAL_G_RATE))
    twin.d_optimiser = torch.optim.SGD(twin.d_params, D_RATE)
    twin.ema = [x.detach().clone() for x in twin.averaged]
    return twin


def to_torch(images, mirrored):
    """Turn [B, H, W, C] into [B, C, H, W]."""
    images = np.asarray(images)
    return torch.tensor((images[:, ::-1, ::-1] if mirrored else images).transpose(0, 3, 1, 2).copy())


def feed(twin, drawn):
    """Let the twin draw the given latents and labels, one after the other."""
    queue = iter(drawn)

    def draw(self, num=None):
        noise = next(queue)
        z = torch.tensor(np.asarray(noise.z, np.float64)).reshape(BATCH, *self.latent_shape)
        return z, torch.tensor(np.asarray(noise.labels)).long()

    twin.draw = MethodType(
        draw if twin.config["gan"] == "acgan" else lambda self, num=None: (draw(self)[0], None), twin
    )
    return queue


def check_update(old, ours, theirs, name):
    """Compare two updates of one array, up to the rounding of the array itself."""
    error, size = np.linalg.norm(ours - theirs), np.linalg.norm(ours - old)
    # A bias before a batch norm has a gradient of zero, of which rounding leaves something.
    rounding = 1e-7 * np.sqrt(old.size) * max(50 if name.endswith("bias") else 1, np.abs(old).max())
    assert error <= TOLERANCE * size + rounding, f"{name}: {error:.2e} of an update of {size:.2e}"
    return size > 10 * rounding


def check_net(old, new, net, mirrored):
    """Compare every parameter and running statistic of a network, and require that most of them moved."""
    before, after = (export(state.variables, net, mirrored=mirrored) for state in (old, new))
    theirs = {key: value.numpy() for key, value in net.state_dict().items()}
    moved = [check_update(before[key], after[key], theirs[key], key) for key in before]
    assert np.mean(moved) > 0.5, "updates too small to compare"


def check_average(old, new, twin):
    """Compare the generator's average in the same way."""
    before, after = (export(state.ema, twin.g_net, mirrored=twin.mirrored) for state in (old, new))
    names = [name for name, _ in twin.g_net.named_parameters()]
    names += [name for name, value in twin.g_net.named_buffers() if value.is_floating_point()]
    for name, theirs in zip(names, twin.ema, strict=True):
        check_update(before[name], after[name], theirs.numpy(), f"average of {name}")


def compare(name, twin_config, ours, options=None):
    """Run both and compare losses, updates, statistics and averages after every step."""
    _, gan, state = ours
    twin = make_twin(name, twin_config, state, options or Options())
    step = jax.jit(make_train_step(gan), compiler_options=machine.compiler_options())
    start = state
    for i in range(STEPS):
        images, labels = batch(gan, i)
        queue = feed(twin, noises(gan, state))
        theirs = twin.step(to_torch(images[0], twin.mirrored), torch.tensor(labels[0]).long())
        assert next(queue, None) is None, "the twin drew less than ours"
        state, metrics = step(state, images, labels)
        assert set(metrics) == set(theirs)
        for key, value in metrics.items():
            if i and "acc" in key:
                continue  # counts, which one logit near zero changes
            np.testing.assert_allclose(theirs[key].numpy(), value, rtol=1e-4, atol=1e-4, err_msg=f"{key}, step {i}")
        check_net(start.g, state.g, twin.g_net, twin.mirrored)
        check_net(start.d, state.d, twin.d_net, twin.mirrored)
        check_average(start, state, twin)


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


def test_memory_format_changes_nothing():
    ours = build("dcgan")
    compare("dcgan", ours[0], ours, Options(channels_last=True))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("gan_mlp", {"order": "d_first"}),
        ("dcgan", {"latents": "shared"}),
        ("dcgan", {"g_stats_for_d": "running"}),
        ("acgan", {"d_passes": "separate"}),
        ("acgan", {"d_stats_in_g": "running"}),
        ("dcgan64", {"d_passes": "joint"}),
        ("dcgan64", {"d_loss_weight": 0.5}),
        ("dcgan_z1x1", {"order": "d_first"}),
    ],
)
def test_another_rule_is_noticed(name, rule):
    with pytest.raises((AssertionError, StopIteration)):
        compare(name, small_config(name), build(name, **rule))
