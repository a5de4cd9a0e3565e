import dataclasses
from functools import partial

import jax.numpy as jnp
import numpy as np
import optax
import pytest
import systems

import jaxgan
from jaxgan.nets.layer_graph import network_rows
from jaxgan.training.gan import generator_params
from jaxgan.training.optim import make_schedule


@pytest.fixture(scope="module")
def gan():
    return systems.build("dcgan_z1x1")


@pytest.fixture(scope="module")
def state(gan):
    return systems.initialise(gan)


def test_maps_grow_and_shrink_as_they_should(gan):
    z, labels = systems.noise(gan, 1)
    assert z.shape == (1, 1, 1, 10)
    g_rows = network_rows(gan.generator, (z, labels))
    sizes = [row.shape for row in g_rows if row.kind in ("Conv", "ConvTranspose")]
    assert [side for side, _, _ in sizes] == [2, 2, 3, 6, 7, 14, 14, 28, 28, 28, 28]
    assert [channels for _, _, channels in sizes] == [256, 128, 256, 256, 128, 128, 128, 64, 64, 64, 1]
    d_rows = network_rows(gan.discriminator, (systems.images(gan, 1), labels))
    sizes = [row.shape for row in d_rows if row.kind == "Conv"]
    assert sizes == [(14, 14, 32), (14, 14, 64), (7, 7, 128), (4, 4, 128), (2, 2, 64)]


@pytest.mark.long
def test_starts(state):
    for net in state.g, state.d:
        for name, kernel in systems.leaves(net.params, "kernel").items():
            if name != "Dense_0":
                assert kernel.std() == pytest.approx(0.02, rel=0.15), name
        scales = np.concatenate(list(systems.leaves(net.params, "scale").values()))
        assert scales.mean() == pytest.approx(1, abs=0.005)
        assert scales.std() == pytest.approx(0.02, rel=0.15)
    g_biases, d_biases = (systems.leaves(net.params, "bias") for net in (state.g, state.d))
    assert 0 < abs(g_biases["Conv_4"][0]) <= 1 / 24
    assert set(g_biases) - set(state.g.batch_stats) == {"Conv_4"}
    kernel = systems.leaves(state.d.params, "kernel")["Dense_0"]
    assert kernel.shape == (64, 2)
    assert 0.115 < np.abs(kernel).max() <= 0.125
    assert 0 < np.abs(d_biases["Dense_0"]).max() <= 0.125


def test_learning_rate_is_halved_every_five_epochs():
    config = systems.get_config("dcgan_z1x1")
    for net in config.optim.g, config.optim.d:
        rate = make_schedule(net, 600, config.train.num_steps)
        # The first and the last update of each stretch of five epochs.
        for stretch, expected in enumerate((2e-4, 1e-4, 5e-5, 2.5e-5)):
            assert float(rate(3_000 * stretch)) == pytest.approx(expected)
            assert float(rate(3_000 * stretch + 2_999)) == pytest.approx(expected)


def test_leaky_is_a_switch(gan, state):
    leaky = systems.build("dcgan_z1x1", leaky=True)
    x, labels = systems.images(gan, 3), jnp.zeros(3, int)
    (one, _), _ = systems.forward(gan.discriminator, state.d, x, labels, train=True)
    (other, _), _ = systems.forward(leaky.discriminator, state.d, x, labels, train=True)
    assert not np.allclose(one, other)


def difference(a, b):
    return float(jnp.abs(a - b).mean())


def test_the_scale_of_a_latent_does_not_matter_with_batch_statistics(gan, state):
    # The network's own range, so that `generate` neither stretches nor clips.
    params = generator_params(gan, state.ema).replace(image_range=(-1.0, 1.0))
    make = systems.quick_jit(partial(jaxgan.generate, stats="batch"))
    z, _ = systems.noise(gan, 20)
    images = make(params, z)
    assert float(images.std()) > 0.1
    assert difference(make(params, 5e4 * z), images) < 1e-2
    assert difference(make(params, -1e4 * z), make(params, -z)) < 1e-2
    assert difference(make(params, -z), images) > 0.1


@pytest.mark.long
def test_with_running_statistics_huge_latents_saturate(gan, state):
    z, labels = systems.noise(gan, 20)
    # Momentum 0 leaves the statistics of one batch, as if training had been long.
    learned = gan.generator.clone(norm=dataclasses.replace(gan.generator.norm, momentum=0.0))
    _, stats = systems.forward(learned, state.g, z, labels, train=True)
    params = generator_params(gan, {"params": state.g.params, "batch_stats": stats}).replace(image_range=(-1.0, 1.0))
    make = systems.quick_jit(partial(jaxgan.generate, stats="running"))
    assert (jnp.abs(make(params, z)) < 0.99).all()
    assert (jnp.abs(make(params, 5e4 * z)) > 0.99).mean() > 0.9


def test_against_pytorch(gan, state):
    twin = pytest.importorskip("torch_twin")
    torch, nn = twin.torch, twin.nn

    def keep(channels, features, stride=1):
        conv = nn.Conv2d(channels, features, 3, stride, 1, bias=False)
        return conv, nn.BatchNorm2d(features), nn.ReLU()

    def grow(channels, features, stride):
        conv = nn.ConvTranspose2d(channels, features, 4, stride, 1, bias=False)
        return conv, nn.BatchNorm2d(features), nn.ReLU()

    g = nn.Sequential(
        *(*grow(10, 256, 2), *keep(256, 128), *grow(128, 256, 1), *grow(256, 256, 2), *grow(256, 128, 1)),
        *(*grow(128, 128, 2), *keep(128, 128), *grow(128, 64, 2), *keep(64, 64), *keep(64, 64)),
        *(nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh()),
    )
    z, labels = systems.noise(gan, 4)
    sizes = [4 * side**2 for side in (2, 2, 3, 6, 7, 14, 14, 28, 28, 28)]
    twin.check_outputs(twin.load(g, state.g), gan.generator, state.g, z, labels, pixels=sizes)
    d = nn.Sequential(
        *(*keep(1, 32, 2), *keep(32, 64), *keep(64, 128, 2), *keep(128, 128, 2), *keep(128, 64, 2)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2)),
    )
    x = systems.images(gan, 4)
    sizes = [4 * side**2 for side in (14, 14, 7, 4, 2)]
    twin.load(d, state.d)
    twin.check_outputs(
        *(d, gan.discriminator, state.d, x, labels), pick=lambda out: out[:, 1] - out[:, 0], pixels=sizes
    )
    # The loss on the difference is the cross-entropy of the two logits, class 1 for real.
    pair = torch.tensor(twin.run(d, x, train=True))
    (logits, _), _ = systems.forward(gan.discriminator, state.d, x, labels, train=True)
    for ours, target in (gan.loss.d_real, 1), (gan.loss.d_fake, 0), (gan.loss.g, 1):
        theirs = nn.functional.cross_entropy(pair, torch.full((4,), target))
        assert float(ours(logits).mean()) == pytest.approx(float(theirs), abs=1e-5)
        expected = optax.softmax_cross_entropy_with_integer_labels(jnp.asarray(pair.numpy()), jnp.full(4, target))
        np.testing.assert_allclose(ours(logits), expected, atol=1e-5)
