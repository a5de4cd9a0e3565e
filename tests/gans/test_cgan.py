import jax
import jax.numpy as jnp
import numpy as np
import pytest
import systems


@pytest.fixture(scope="module")
def gan():
    return systems.build("cgan")


@pytest.fixture(scope="module")
def state(gan):
    return systems.initialise(gan)


def test_starts(state):
    for net in state.g, state.d:
        for name, kernel in systems.leaves(net.params, "kernel").items():
            assert kernel.std() == pytest.approx(0.02, rel=0.1), name
        assert np.asarray(net.params["Embed_0"]["embedding"]).std() == pytest.approx(1, rel=0.1)
    scales = np.concatenate(list(systems.leaves(state.g.params, "scale").values()))
    assert scales.mean() == pytest.approx(1, abs=0.01)


def test_the_discriminator_sees_the_label_as_a_channel(gan, state):
    assert state.d.params["Embed_0"]["embedding"].shape == (10, 784)
    assert state.d.params["Conv_0"]["kernel"].shape == (5, 5, 2, 64)
    images = jnp.repeat(jnp.asarray(systems.images(gan, 1)), 10, axis=0)
    (logits, _), _ = systems.forward(gan.discriminator, state.d, images, jnp.arange(10), train=True)
    assert len(np.unique(logits)) == 10


@pytest.mark.long
def test_the_label_may_be_projected_on_the_features():
    gan = systems.build("cgan", d_label="projection")
    net = systems.initialise(gan).d
    table = np.asarray(net.params["Embed_0"]["embedding"])
    assert net.params["Conv_0"]["kernel"].shape == (5, 5, 1, 64)
    assert table.shape == (10, 7 * 7 * 128)
    images = jnp.repeat(jnp.asarray(systems.images(gan, 1)), 10, axis=0)
    (logits, _), _ = systems.forward(gan.discriminator, net, images, jnp.arange(10), train=True)
    assert len(np.unique(logits)) == 10
    # A logit is linear in the label's vector.
    weights = jnp.eye(10) * 0.5 + 0.05
    (mixed, _), _ = systems.forward(gan.discriminator, net, images, weights, train=True)
    np.testing.assert_allclose(mixed, 0.5 * logits + 0.5 * logits.mean(), rtol=1e-4, atol=1e-7)


def test_the_generator_sees_the_label_beside_z(gan, state):
    assert state.g.params["Dense_0"]["kernel"].shape[0] == 100 + 10
    same = jnp.ones((10, 100)), jnp.arange(10)
    images, _ = systems.forward(gan.generator, state.g, *same, train=False)
    assert len(np.unique(np.asarray(images).reshape(10, -1), axis=0)) == 10


@pytest.mark.parametrize("shape", [(32, 32, 3), (12, 20, 1)])
def test_sides_are_any_multiples_of_4(shape):
    gan = systems.build("cgan", shape=shape, num_classes=3)
    shapes = systems.shapes(gan)
    images = jax.eval_shape(lambda v: gan.generator.apply(v, *systems.noise(gan, 2), train=False), shapes.g.variables)
    assert images.shape == (2, *shape)
    assert shapes.d.params["Embed_0"]["embedding"].shape == (3, shape[0] * shape[1])


def test_the_grid_has_ten_of_each_digit():
    config = systems.get_config("cgan")
    assert (config.sample.num, config.sample.columns) == (100, 10)
