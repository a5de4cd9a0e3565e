import importlib

import jax
import numpy as np
import optax
import pytest
import systems

from jaxgan import gans
from jaxgan.base.types import DataInfo
from jaxgan.nets.layer_graph import network_rows
from jaxgan.training.state import create_state


@pytest.fixture(scope="module")
def gan():
    return systems.build("dcgan")


@pytest.fixture(scope="module")
def state(gan):
    return systems.initialise(gan)


def test_starts(state):
    for net in state.g, state.d:
        for name, kernel in systems.leaves(net.params, "kernel").items():
            assert kernel.std() == pytest.approx(0.02, rel=0.1), name
            assert kernel.mean() == pytest.approx(0, abs=0.003), name
        assert set(systems.leaves(net.params, "bias")) - set(net.batch_stats) == {"Dense_0"}
    scales = np.concatenate(list(systems.leaves(state.g.params, "scale").values()))
    assert scales.mean() == pytest.approx(1, abs=0.005)
    assert scales.std() == pytest.approx(0.02, rel=0.2)
    assert not any(bias.any() for bias in systems.leaves(state.g.params, "bias").values())


def test_dropout_works_in_training_only(gan, state):
    images = systems.images(gan, 2)
    judge = systems.quick_jit(gan.discriminator.apply, static_argnames="train")
    plain, _ = judge(state.d.variables, images, None, train=True)
    again, _ = judge(state.d.variables, images, None, train=False)
    np.testing.assert_array_equal(plain, again)
    dropped, _ = judge(state.d.variables, images, None, train=True, rngs={"dropout": jax.random.key(0)})
    assert not np.allclose(plain, dropped)


@pytest.mark.long
@pytest.mark.parametrize("changes", [{"upsample": "nearest"}, {"g_activation": "relu"}])
def test_variants_have_the_same_sizes(gan, state, changes):
    variant = systems.build("dcgan", **changes)
    inputs = systems.noise(gan, 4)
    ours, theirs = (network_rows(g.generator, inputs) for g in (gan, variant))
    assert [(row.shape, row.parameters) for row in ours] == [(row.shape, row.parameters) for row in theirs]
    kinds = [row.kind for row in theirs]
    assert kinds.count("ConvTranspose") == (0 if "upsample" in changes else 3)
    new = systems.initialise(variant)
    images, _ = systems.forward(variant.generator, new.g, *inputs, train=True)
    usual, _ = systems.forward(gan.generator, state.g, *inputs, train=True)
    assert images.shape == usual.shape
    assert not np.allclose(images, usual)


@pytest.mark.parametrize("pack", [1, 2])
def test_it_draws_in_colour_too(pack):
    """The networks of Stacked MNIST: the first layer of D and the last of G have more channels, nothing else is new."""
    config = importlib.import_module("configs.dcgan").get_config()
    config.pack = pack
    gan = gans.build(config, DataInfo((28, 28, 3), 128_000, 1000))
    shapes = jax.eval_shape(lambda: create_state(gan, optax.sgd(0.1), optax.sgd(0.1), jax.random.key(0)))
    plain = systems.shapes(systems.build("dcgan"))
    for name, usual, first_or_last in ("g", (5, 5, 32, 1), (5, 5, 32, 3)), ("d", (5, 5, 1, 64), (5, 5, 3 * pack, 64)):
        found, expected = (kernels(getattr(state, name).params) for state in (shapes, plain))
        assert found.pop("Conv_0") == first_or_last
        assert expected.pop("Conv_0") == usual
        assert found == expected


def kernels(params):
    return {name: layer["kernel"].shape for name, layer in params.items() if "kernel" in layer}


def test_against_pytorch(gan, state):
    twin = pytest.importorskip("torch_twin")
    nn = twin.nn

    def norm(channels):
        return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01), nn.LeakyReLU(0.2)

    def same(channels, features):
        # TensorFlow's SAME: zeros (3, 2) around the dilated input, so 1 and 2 less than all of the output.
        return nn.ConvTranspose2d(channels, features, 5, 2, bias=False), nn.ZeroPad2d((-1, -2, -1, -2))

    g = nn.Sequential(
        *(nn.Linear(100, 12544), nn.Unflatten(1, (256, 7, 7)), *norm(256)),
        *(nn.ConvTranspose2d(256, 128, 5, 1, 2, bias=False), *norm(128)),
        *(*same(128, 64), *norm(64)),
        *(*same(64, 32), *norm(32)),
        *(nn.Conv2d(32, 1, 5, 1, 2, bias=False), nn.Tanh()),
    )
    z, labels = systems.noise(gan, 4)
    twin.check_outputs(twin.load(g, state.g, (7, 7, 256)), gan.generator, state.g, z, labels)
    pad = nn.ZeroPad2d((1, 2, 1, 2))
    d = nn.Sequential(
        *(pad, nn.Conv2d(1, 64, 5, 2, bias=False), nn.LeakyReLU(0.2)),
        *(pad, nn.Conv2d(64, 128, 5, 2, bias=False), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(6272, 1)),
    )
    twin.check_outputs(
        twin.load(d, state.d, (7, 7, 128)),
        *(gan.discriminator, state.d, systems.images(gan, 4), labels),
        pick=lambda out: out[:, 0],
    )
