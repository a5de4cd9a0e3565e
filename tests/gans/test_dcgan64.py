import jax
import jax.numpy as jnp
import numpy as np
import pytest
import systems

from jaxgan.training.optim import make_schedule


@pytest.fixture(scope="module")
def gan():
    """A narrow one for small grey images, so that compiling takes little time."""
    return systems.build("dcgan64", shape=(32, 32, 1), width=8)


@pytest.fixture(scope="module")
def state(gan):
    return systems.initialise(gan)


@pytest.fixture(scope="module")
def preset():
    return systems.initialise(systems.build("dcgan64"))


def test_counts_at_the_documented_width():
    gan = systems.build("dcgan64", width=128)
    shapes = systems.shapes(gan)
    trees = shapes.g.params, shapes.g.batch_stats, shapes.d.params, shapes.d.batch_stats
    counts = [sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in trees]
    assert counts == [12_675_715, 3_840, 11_038_081, 3_584]
    assert shapes.g.params["Dense_0"]["kernel"].shape == (100, 4 * 4 * 1024)


@pytest.mark.long
def test_starts(preset):
    for net in preset.g, preset.d:
        for name, kernel in systems.leaves(net.params, "kernel").items():
            assert kernel.std() == pytest.approx(0.02, rel=0.05), name
        for name, scale in systems.leaves(net.params, "scale").items():
            assert scale.mean() == pytest.approx(0.1, abs=0.01), name
            assert scale.std() == pytest.approx(0.02, rel=0.25), name
    assert not any(bias.any() for bias in systems.leaves(preset.g.params, "bias").values())
    biases = systems.leaves(preset.d.params, "bias")
    for name, bound in ("Conv_0", 0.14434), ("Conv_1", 0.03125), ("Conv_2", 0.02210), ("Conv_3", 0.015625):
        bias = biases.pop(name)
        assert 0.9 * bound < np.abs(bias).max() <= bound * 1.0001
        assert bias.min() < -0.8 * bound
    assert not any(bias.any() for bias in biases.values())


def test_usual_scales_are_a_switch():
    gan = systems.build("dcgan64", bn_scale_mean=1.0)
    assert gan.generator.norm.scale_mean == gan.discriminator.norm.scale_mean == 1.0


@pytest.mark.parametrize("shape", [(16, 16, 3), (32, 48, 1), pytest.param((128, 128, 3), marks=pytest.mark.long)])
def test_sides_are_any_multiples_of_16(shape):
    gan = systems.build("dcgan64", shape=shape, width=2)
    shapes = systems.shapes(gan)
    images = jax.eval_shape(lambda v: gan.generator.apply(v, *systems.noise(gan, 2), train=False), shapes.g.variables)
    assert images.shape == (2, *shape)


def test_learning_rate_falls_by_a_hundredth_an_epoch():
    config = systems.get_config("dcgan64")
    for net in config.optim.g, config.optim.d:
        rate = make_schedule(net, 100, 50_000)
        for epoch, expected in (0, 2e-3), (1, 1.98e-3), (99, 7.394e-4), (499, 1.327e-5):
            assert float(rate(epoch * 100)) == pytest.approx(expected, rel=1e-3)
            assert float(rate(epoch * 100 + 99)) == pytest.approx(expected, rel=1e-3)


def test_the_data_section():
    data = systems.get_config("dcgan64").data
    assert (data.source, data.image_size, data.channels, data.fit) == ("auto", 64, 3, "squeeze")
    assert data.drop_remainder


@pytest.mark.long
@pytest.mark.parametrize("train", [False, True])
def test_forward_and_reverse_mode_are_transposes(gan, state, train):
    z, labels = systems.noise(gan, 6)

    def draw(z):
        return gan.generator.apply(state.g.variables, z, labels, train=train, mutable=["batch_stats"])[0]

    def both(z, along, across):
        images, pushed = jax.jvp(draw, (z,), (along,))
        (pulled,) = jax.vjp(draw, z)[1](across)
        return images, jnp.vdot(pushed, across), jnp.vdot(pulled, along)

    along, across = jnp.sin(jnp.arange(z.size)).reshape(z.shape), systems.images(gan, 6)
    _, forward, reverse = systems.quick_jit(both)(z, along, across)
    assert forward == pytest.approx(float(reverse), rel=1e-3)


def test_against_pytorch(gan, state):
    twin = pytest.importorskip("torch_twin")
    nn = twin.nn

    def grow(channels, features):
        return nn.ConvTranspose2d(channels, features, 4, 2, 1), nn.BatchNorm2d(features), nn.ReLU()

    def halve(channels, features):
        return nn.Conv2d(channels, features, 4, 2, 1), nn.BatchNorm2d(features), nn.LeakyReLU(0.2)

    g = nn.Sequential(
        *(nn.Linear(100, 4 * 64), nn.Unflatten(1, (64, 2, 2)), nn.BatchNorm2d(64), nn.ReLU()),
        *(*grow(64, 32), *grow(32, 16), *grow(16, 8)),
        *(nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Tanh()),
    )
    z, labels = systems.noise(gan, 6)
    twin.load(g, state.g, (2, 2, 64))
    sizes = [6 * side**2 for side in (2, 4, 8, 16)]
    twin.check_outputs(g, gan.generator, state.g, z, labels, pixels=sizes)
    d = nn.Sequential(
        *(nn.Conv2d(1, 8, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(*halve(8, 16), *halve(16, 32), *halve(32, 64)),
        *(nn.Flatten(), nn.Linear(4 * 64, 1)),
    )
    twin.load(d, state.d, (2, 2, 64))
    sizes = [6 * side**2 for side in (8, 4, 2)]
    x = systems.images(gan, 6)
    twin.check_outputs(d, gan.discriminator, state.d, x, labels, pick=lambda out: out[:, 0], pixels=sizes)
