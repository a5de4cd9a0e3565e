"""R3GAN against the published numbers of parameters, and against what its start means."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.base.types import DataInfo
from jaxgan.training.gan import example_inputs


def make(name="r3gan_mnist", shape=(28, 28, 1), **model):
    config = importlib.import_module(f"configs.{name}").get_config()
    config.model.update(model)
    return gans.build(config, DataInfo(shape, 60_000, 10))


def count(gan):
    """Parameters of both networks."""
    sizes = []
    for net, inputs in zip((gan.generator, gan.discriminator), example_inputs(gan), strict=True):
        shapes = jax.eval_shape(functools.partial(net.init, train=False), jax.random.key(0), *inputs)
        sizes.append(sum(leaf.size for leaf in jax.tree.leaves(shapes)))
    return sizes


# Huang et al., 2024, table 9, and for the first the sums of its formulas.
@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("r3gan_stacked_mnist", (32, 32, 3), (20_732_160, 20_683_776)),
        ("r3gan_cifar10", (32, 32, 3), (20.78e6, 21.28e6)),
        ("r3gan64", (64, 64, 3), (22.43e6, 22.38e6)),
        ("r3gan_mnist", (28, 28, 1), (1.307e6, 1.291e6)),
    ],
)
def test_the_published_numbers_of_parameters(name, shape, expected):
    np.testing.assert_allclose(count(make(name, shape)), expected, rtol=0 if name.endswith("stacked_mnist") else 5e-4)


@pytest.fixture(scope="module")
def small():
    gan = make(widths=(32, 16, 16), blocks=1)
    keys = jax.random.split(jax.random.key(0))
    inputs = example_inputs(gan)
    real = [jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), one) for one in inputs]
    return gan, [
        net.init(key, *one, train=False)
        for net, key, one in zip((gan.generator, gan.discriminator), keys, real, strict=True)
    ]


def test_at_the_start_both_networks_are_linear(small):
    gan, (g, d) = small
    labels = jnp.zeros(2, jnp.int32)
    a, b = jax.random.normal(jax.random.key(1), (2, 2, 64))
    draw = functools.partial(gan.generator.apply, g, labels=labels, train=True)
    np.testing.assert_allclose(draw(a + 2 * b), draw(a) + 2 * draw(b), atol=1e-4)
    judge = functools.partial(gan.discriminator.apply, d, labels=labels, train=True)
    x, y = draw(a), draw(b)
    np.testing.assert_allclose(judge(x + 2 * y)[0], judge(x)[0] + 2 * judge(y)[0], atol=1e-4)


def test_weights_start_as_published(small):
    block = small[1][0]["params"]["Block_0"]
    gain = np.sqrt(2 / 1.04) * 3**-0.25  # three residual blocks
    assert float(jnp.std(block["Conv_0"]["kernel"])) == pytest.approx(gain / np.sqrt(32), rel=0.05)
    assert float(jnp.std(block["GroupedConv_0"]["kernel"])) == pytest.approx(gain / np.sqrt(16 * 9), rel=0.05)
    assert not block["Conv_1"]["kernel"].any()
    assert not any("bias" in name for name in block["Conv_0"])


def test_pictures_of_a_class_depend_on_it():
    gan = make(widths=(16, 16, 16), blocks=1, conditional=True)
    z, labels = jax.random.normal(jax.random.key(0), (1, 64)).repeat(2, 0), jnp.array([0, 7])
    g = gan.generator.init(jax.random.key(1), z, labels, train=False)
    images = gan.generator.apply(g, z, labels, train=False)
    assert float(jnp.abs(images[0] - images[1]).max()) > 1e-3
    d = gan.discriminator.init(jax.random.key(2), images, labels, train=False)
    one, other = (gan.discriminator.apply(d, images[:1], label[None], train=False)[0] for label in labels)
    assert float(jnp.abs(one - other)[0]) > 1e-6


@pytest.mark.parametrize(
    ("shape", "model", "sentence"),
    [
        ((30, 30, 1), {}, "sides are multiples of 4"),
        ((28, 28, 1), {"widths": (20, 16, 16)}, "config.model.widths has 20"),
        ((28, 28, 1), {"blocks": 0}, "config.model.blocks is 0"),
    ],
)
def test_what_does_not_fit_is_named(shape, model, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(shape=shape, **model)
