import jax.numpy as jnp
import numpy as np
import pytest
import systems


@pytest.fixture(scope="module")
def gan():
    return systems.build("acgan")


@pytest.fixture(scope="module")
def state(gan):
    return systems.initialise(gan)


def test_starts(state):
    for net in state.g, state.d:
        for name, kernel in systems.leaves(net.params, "kernel").items():
            taps = np.prod(kernel.shape[:-2])
            bound = (6 / (taps * (kernel.shape[-2] + kernel.shape[-1]))) ** 0.5  # Glorot's
            assert 0.9 * bound < np.abs(kernel).max() <= bound, name
        assert all((scale == 1).all() for scale in systems.leaves(net.params, "scale").values())
        assert not any(bias.any() for bias in systems.leaves(net.params, "bias").values())
    embedding = np.asarray(state.g.params["Embed_0"]["embedding"])
    assert embedding.shape == (10, 100)
    assert 0.049 < np.abs(embedding).max() <= 0.05
    assert embedding.min() < -0.049


@pytest.mark.long
def test_the_latent_is_multiplied_by_the_label(gan, state):
    z, labels = systems.noise(gan, 500)
    product = z * jnp.asarray(state.g.params["Embed_0"]["embedding"])[labels]
    assert float(product.std()) == pytest.approx(0.029, abs=0.001)
    # A zero latent hides the label; joined to the label it does not.
    blank = jnp.zeros((10, 100)), jnp.arange(10)
    images, _ = systems.forward(gan.generator, state.g, *blank, train=False)
    assert np.ptp(images, axis=0).max() == 0
    joined = systems.build("acgan", label_mode="concat")
    new = systems.initialise(joined)
    assert new.g.params["Dense_0"]["kernel"].shape == (200, 1568)
    images, _ = systems.forward(joined.generator, new.g, *blank, train=False)
    assert np.ptp(images, axis=0).max() > 0


def test_against_pytorch(gan, state):
    twin = pytest.importorskip("torch_twin")
    nn = twin.nn

    def block(channels, features):
        return nn.Conv2d(channels, features, 3, 1, 1), nn.BatchNorm2d(features, 1e-3, 0.2), nn.ReLU()

    def half(channels, features, pad):
        norm = nn.BatchNorm2d(features, 1e-3, 0.2)
        return nn.ZeroPad2d(pad), nn.Conv2d(channels, features, 3, 2), norm, nn.LeakyReLU(0.2)

    z, labels = systems.noise(gan, 4)
    embedded = z * jnp.asarray(state.g.params["Embed_0"]["embedding"])[labels]
    g = nn.Sequential(
        *(nn.Linear(100, 1568), nn.ReLU(), nn.Unflatten(1, (32, 7, 7))),
        *(*block(32, 64), nn.Upsample(scale_factor=2)),
        *(*block(64, 128), nn.Upsample(scale_factor=2)),
        *(*block(128, 64), nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh()),
    )
    layers = {name.replace("Upsample", ""): layer for name, layer in state.g.params.items() if name != "Embed_0"}
    layers["Conv_3"] = state.g.params["Conv_0"]
    layers["Conv_0"] = state.g.params["UpsampleConv_0"]
    twin.load(g, state.g.replace(params=layers), (7, 7, 32))
    for train in False, True:
        images, _ = systems.forward(gan.generator, state.g, z, labels, train=train)
        np.testing.assert_allclose(images, twin.run(g, embedded, train=train), atol=1e-4)

    # TensorFlow's SAME puts the odd row of zeros last; of 7 pixels there is one on both sides.
    d = nn.Sequential(
        *(*half(1, 32, (0, 1, 0, 1)), *half(32, 64, (0, 1, 0, 1)), *half(64, 128, (1, 1, 1, 1))),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 11)),
    )
    layers = dict(state.d.params)
    heads = layers.pop("real"), layers.pop("classes")
    layers["Dense_0"] = {kind: np.concatenate([head[kind] for head in heads], -1) for kind in ("kernel", "bias")}
    twin.load(d, state.d.replace(params=layers))
    x = systems.images(gan, 4)
    for train in False, True:
        (logits, class_logits), _ = systems.forward(gan.discriminator, state.d, x, labels, train=train)
        both = twin.run(d, x, train=train)
        np.testing.assert_allclose(logits, both[:, 0], atol=1e-4)
        np.testing.assert_allclose(class_logits, both[:, 1:], atol=1e-4)


def test_the_grid_has_ten_of_each_digit():
    config = systems.get_config("acgan")
    assert (config.sample.num, config.sample.columns, config.train.log_every) == (100, 10, 20)
