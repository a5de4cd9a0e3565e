"""jaxgan's training step against the PyTorch twins: same weights, images and latents, two steps of plain SGD.

Run it with `python -m pytest -o addopts= tests/benchmarks`.
"""

from __future__ import annotations

from pathlib import Path
from types import MethodType

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
from weights import export

from jaxgan.data.sources.mnist import open_mnist
from jaxgan.metrics import suite
from jaxgan.metrics.features import digits, trained
from jaxgan.metrics.features.digits import load_digits
from jaxgan.metrics.reference import create_reference

torch = pytest.importorskip("torch")

from torch_scores import Scorer  # noqa: E402  (imports torch)
from twin import Options  # noqa: E402
from twins import TWINS  # noqa: E402


@pytest.fixture(autouse=True)
def double_precision():
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        yield
    torch.set_default_dtype(torch.float32)


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


def check_net(old, new, net, mirrored):
    """Compare every parameter and running statistic of a network, and require that most of them moved."""
    before, after = (export(state.variables, net, mirrored=mirrored) for state in (old, new))
    theirs = {key: value.numpy() for key, value in net.state_dict().items()}
    check_updates((before[key], after[key], theirs[key], key) for key in before)


def check_average(old, new, twin):
    """Compare the generator's average in the same way."""
    before, after = (export(state.ema, twin.g_net, mirrored=twin.mirrored) for state in (old, new))
    names = [name for name, _ in twin.g_net.named_parameters()]
    names += [name for name, value in twin.g_net.named_buffers() if value.is_floating_point()]
    for name, theirs in zip(names, twin.ema, strict=True):
        check_update(before[name], after[name], theirs.numpy(), f"average of {name}")


def compare(name, twin_config, ours, options=None):
    """Run both and compare losses, updates, statistics and averages after every step."""
    twin = make_twin(name, twin_config, ours[2], options or Options())

    def step_twin(images, labels):
        return twin.step(to_torch(images, twin.mirrored), torch.tensor(labels).long())

    def check(start, state):
        check_net(start.g, state.g, twin.g_net, twin.mirrored)
        check_net(start.d, state.d, twin.d_net, twin.mirrored)
        check_average(start, state, twin)

    check_steps(ours, lambda drawn: feed(twin, drawn), step_twin, check)


@pytest.mark.parametrize(("name", "rule"), [*SAME, ("dcgan_robust", {}), ("images64", {})])
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
        ("dcgan_robust", {"order": "simultaneous"}),
        ("images64", {"order": "simultaneous"}),
        ("dcgan64", {"d_passes": "joint"}),
        ("dcgan64", {"d_loss_weight": 0.5}),
        ("dcgan_z1x1", {"order": "d_first"}),
    ],
)
def test_another_rule_is_noticed(name, rule):
    with pytest.raises((AssertionError, StopIteration)):
        compare(name, small_config(name), build(name, **rule))


def test_replicas_in_batched_products_are_single_twins():
    ours = build("gan_mlp")
    single = make_twin("gan_mlp", ours[0], ours[2], Options())
    config = ours[0].copy_and_resolve_references()
    config.train.num_replicas, config.data.batch_size = 2, 2 * BATCH
    both = TWINS["gan_mlp_replicas"](config, CLASSES, Options())
    with torch.no_grad():
        for one, two in ((single.g_net, both.g_net), (single.d_net, both.d_net)):
            dense = [layer for layer in one if isinstance(layer, torch.nn.Linear)]
            for layer, products in zip(dense, (layer for layer in two if hasattr(layer, "weight")), strict=True):
                products.weight.copy_(layer.weight.T)
                products.bias.copy_(layer.bias)
    both.g_optimiser = torch.optim.SGD(both.g_params, USUAL_G_RATE)
    both.d_optimiser = torch.optim.SGD(both.d_params, D_RATE)
    images, labels = torch.randint(256, (2 * BATCH, 1, 28, 28), dtype=torch.uint8), torch.zeros(2 * BATCH)
    z = torch.rand(2 * BATCH, 100)
    single.draw = lambda: (z[BATCH:], None)
    both.draw = lambda: (z.unflatten(0, (2, BATCH)), None)
    single.step(images[BATCH:], labels[BATCH:])
    both.step(images, labels)
    for one, two in zip(single.g_params + single.d_params, both.g_params + both.d_params, strict=True):
        torch.testing.assert_close(two[1].squeeze(0) if one.ndim == 1 else two[1].T, one)
        assert (two[0] != two[1]).any()


def test_scores_agree():
    torch.set_default_dtype(torch.float32)
    source = open_mnist("train")
    real, fake = source.images[:2_000], np.roll(source.images[2_000:3_000], 2, axis=1)
    with jax.enable_x64(False):
        reference = create_reference(real, net=load_digits())
        ours = suite.score(fake, None, reference, names=("fd", "prdc"))
    path = Path(digits.__file__).parent / "weights" / digits.FILE
    scorer = Scorer(trained.read(path)[0], reference.features, reference.moments.mean, reference.moments.cov, "cpu")
    theirs = scorer.score(torch.tensor(fake).permute(0, 3, 1, 2), torch.arange(len(fake)))
    assert theirs.pop("fd") == pytest.approx(ours["fd_mnist"], rel=1e-3)
    assert theirs == pytest.approx({name: ours[name] for name in theirs}, abs=2e-3)  # ties by rounding
