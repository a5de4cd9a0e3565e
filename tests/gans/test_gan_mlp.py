import numpy as np
import pytest
import systems

from jaxgan import gans
from jaxgan.base.types import DataInfo


@pytest.fixture(scope="module")
def gan():
    return systems.build("gan_mlp")


@pytest.fixture(scope="module")
def state(gan):
    return systems.initialise(gan)


def test_kernels_start_by_hes_rule(state):
    for net, inputs in (state.g, (100, 256)), (state.d, (784, 256)):
        kernels, biases = (systems.leaves(net.params, kind) for kind in ("kernel", "bias"))
        for i, fan_in in enumerate(inputs):
            kernel = kernels[f"Dense_{i}"]
            assert kernel.shape[0] == fan_in
            assert kernel.std() == pytest.approx((2 / fan_in) ** 0.5, rel=0.02 if kernel.shape[1] > 1 else 0.2)
            assert not biases[f"Dense_{i}"].any()
    # Not truncated: some of 200,000 numbers lie beyond four deviations.
    wide = systems.leaves(state.g.params, "kernel")["Dense_1"]
    assert np.abs(wide).max() > 4 * (2 / 256) ** 0.5


def test_networks_are_what_numpy_computes(gan, state):
    z, labels = systems.noise(gan, 5)
    g, d = ([net.params[f"Dense_{i}"] for i in (0, 1)] for net in (state.g, state.d))

    def layer(x, params):
        return np.asarray(x, np.float64) @ np.asarray(params["kernel"], np.float64) + np.asarray(params["bias"])

    images, _ = systems.forward(gan.generator, state.g, z, labels, train=True)
    by_hand = 1 / (1 + np.exp(-layer(np.maximum(layer(z, g[0]), 0), g[1])))
    np.testing.assert_allclose(images.reshape(5, -1), by_hand, atol=1e-5)
    (logits, _), _ = systems.forward(gan.discriminator, state.d, images, labels, train=True)
    np.testing.assert_allclose(logits, layer(np.maximum(layer(by_hand, d[0]), 0), d[1])[:, 0], atol=1e-5)


def test_latents_are_uniform(gan):
    z, _ = systems.noise(gan, 500)
    assert z.shape == (500, 100)
    assert -1 <= z.min() < -0.999
    assert 0.999 < z.max() <= 1
    assert np.asarray(z).std() == pytest.approx(3**-0.5, rel=0.01)


@pytest.mark.parametrize("shape", [(8, 8, 3), (20, 12, 1)])
def test_images_of_any_size(shape):
    gan = systems.build("gan_mlp", shape=shape, hidden=4)
    state = systems.initialise(gan)
    images, _ = systems.forward(gan.generator, state.g, *systems.noise(gan, 2), train=False)
    assert images.shape == (2, *shape)


def test_a_range_that_a_sigmoid_does_not_reach_is_refused():
    config = systems.get_config("gan_mlp")
    config.data.range = (-1.0, 1.0)
    with pytest.raises(ValueError, match=r"config.data.range is \(-1.0, 1.0\); set it to \(0.0, 1.0\)"):
        gans.build(config, DataInfo((28, 28, 1), 100))


def test_the_canvas_and_the_held_out_images():
    config = systems.get_config("gan_mlp")
    assert (config.sample.num, config.sample.columns, config.sample.invert) == (36, 6, True)
    assert config.data.skip == 5_000
    assert tuple(config.data.range) == (0.0, 1.0)
