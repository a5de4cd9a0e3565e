"""The compact GAN: its size, what classes do, what it refuses."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.training.gan import example_inputs


def make(name="mnist", shape=(28, 28, 1), **model):
    config = importlib.import_module(f"configs.{name}").get_config()
    config.model.update(model)
    return gans.build(config, DataInfo(shape, 60_000, 10))


def init(net, *inputs):
    return jax.jit(functools.partial(net.init, train=False))(jax.random.key(0), *inputs)


def conv(size, inputs, outputs, bias):
    return size * size * inputs * outputs + bias * outputs


def expected(z, shape, classes):
    """Parameters of G and of D as sums over their layers, for the widths of the presets."""
    height, width, channels = shape
    small = height // 4 * (width // 4)
    embed = 64 * classes
    g = (z + 64 * bool(classes) + 1) * small * 128 + embed + 2 * 2 * 128 + 2 * 2 * 64
    g += conv(3, 128, 128, 0) + conv(4, 128, 64, 0) + conv(3, 64, 64, 0) + conv(4, 64, channels, 1)
    d = conv(4, channels, 64, 1) + conv(3, 64, 64, 1) + conv(4, 64, 128, 1) + conv(3, 128, 128, 1)
    d += small * 128 + 1 + bool(classes) * (small * 128 + 1) * 64 + embed
    return g, d


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [("mnist", (28, 28, 1), 0), ("mnist_classes", (28, 28, 1), 10), ("mnist", (32, 64, 3), 0)],
)
def test_number_of_parameters(name, shape, classes):
    gan = make(name, shape)
    sizes = []
    for net, inputs in zip((gan.generator, gan.discriminator), example_inputs(gan), strict=True):
        shapes = jax.eval_shape(functools.partial(net.init, train=False), jax.random.key(0), *inputs)
        sizes.append(sum(leaf.size for leaf in jax.tree.leaves(shapes["params"])))
    assert tuple(sizes) == expected(64, shape, classes)
    assert sum(sizes) <= 3_000_000


@pytest.fixture(scope="module")
def conditional():
    gan = make("mnist_classes", g_widths=(8, 4), d_widths=(4, 8))
    z, labels = jax.random.normal(jax.random.key(1), (1, 64)).repeat(2, 0), jnp.array([0, 7])
    g = init(gan.generator, z, labels)
    images = jax.jit(functools.partial(gan.generator.apply, train=False))(g, z, labels)
    return gan, labels, images, init(gan.discriminator, images, labels)


def test_pictures_depend_on_the_class(conditional):
    images = conditional[2]
    assert images.shape == (2, 28, 28, 1)
    assert float(jnp.abs(images).max()) <= 1
    assert float(jnp.abs(images[0] - images[1]).max()) > 1e-3


def test_d_judges_each_picture_alone_and_by_its_class(conditional):
    gan, labels, images, d = conditional
    judge = jax.jit(functools.partial(gan.discriminator.apply, train=True))
    logits, classes = judge(d, images, labels)
    assert classes is None
    assert logits.shape == (2,)
    for i in range(2):
        np.testing.assert_allclose(judge(d, images[i : i + 1], labels[i : i + 1])[0], logits[i : i + 1], atol=1e-5)
    assert abs(float(judge(d, images, labels[::-1])[0][0] - logits[0])) > 1e-3


def test_the_class_enters_as_a_product_of_features(conditional):
    """Projection: the logit is plain + <features, vector of the class> / sqrt(64), so linear in the vector."""
    gan, labels, images, d = conditional
    judge = jax.jit(functools.partial(gan.discriminator.apply, train=True))
    (place,) = [name for name in d["params"] if name.startswith("Embed")]

    def with_vectors(factor):
        params = {**d["params"], place: jax.tree.map(lambda x: factor * x, d["params"][place])}
        return judge({"params": params}, images, labels)[0]

    none, one, three = map(with_vectors, (0.0, 1.0, 3.0))
    np.testing.assert_allclose(three - none, 3 * (one - none), rtol=1e-4, atol=1e-5)
    assert float(jnp.abs(one - none).min()) > 1e-4


@pytest.mark.parametrize(
    ("shape", "model", "message"),
    [
        ((30, 28, 1), {}, "multiples of 4"),
        ((28, 28, 1), {"g_widths": (8, 8, 8)}, "config.model.g_widths"),
        ((28, 28, 1), {"d_widths": (0, 8)}, "config.model.d_widths"),
    ],
)
def test_what_cannot_be_is_refused(shape, model, message):
    with pytest.raises(UserError, match=message):
        make("mnist", shape, **model)
