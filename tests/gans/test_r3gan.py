"""R3GAN: published numbers of parameters, and properties of its initial values."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import systems

from jaxgan import gans
from jaxgan.base.types import DataInfo
from jaxgan.training.gan import example_inputs
from jaxgan.training.state import create_state
from jaxgan.training.step import make_train_step


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


# Huang et al., 2024, table 9, and for its first line the sums of its formulas, as for other widths.
@pytest.mark.parametrize(
    ("name", "shape", "model", "expected"),
    [
        ("r3gan_stacked_mnist", (32, 32, 3), {}, (20_732_160, 20_683_776)),
        ("r3gan_stacked_mnist", (28, 28, 1), {"widths": (256, 192, 96)}, (1_307_232, 1_291_104)),
        ("r3gan_cifar10", (32, 32, 3), {}, (20.78e6, 21.28e6)),
        ("r3gan64", (64, 64, 3), {}, (22.43e6, 22.38e6)),
    ],
)
def test_the_published_numbers_of_parameters(name, shape, model, expected):
    sizes = count(make(name, shape, **model))
    np.testing.assert_allclose(sizes, expected, rtol=0 if name.endswith("stacked_mnist") else 5e-4)


@pytest.fixture(scope="module")
def small():
    gan = make(widths=(32, 16, 16), blocks=1)
    keys = jax.random.split(jax.random.key(0))
    inputs = example_inputs(gan)
    real = [jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), one) for one in inputs]
    return gan, [
        jax.jit(functools.partial(net.init, train=False))(key, *one)
        for net, key, one in zip((gan.generator, gan.discriminator), keys, real, strict=True)
    ]


@pytest.mark.long
def test_at_the_start_both_networks_are_linear(small):
    gan, (g, d) = small
    labels = jnp.zeros(2, jnp.int32)
    a, b = jax.random.normal(jax.random.key(1), (2, 2, 64))
    draw = jax.jit(functools.partial(gan.generator.apply, g, labels=labels, train=True))
    np.testing.assert_allclose(draw(a + 2 * b), draw(a) + 2 * draw(b), atol=1e-4)
    judge = jax.jit(functools.partial(gan.discriminator.apply, d, labels=labels, train=True))
    x, y = draw(a), draw(b)
    np.testing.assert_allclose(judge(x + 2 * y)[0], judge(x)[0] + 2 * judge(y)[0], atol=1e-4)


def test_weights_start_as_published(small):
    block = small[1][0]["params"]["Block_0"]
    gain = np.sqrt(2 / 1.04) * 3**-0.25  # three residual blocks
    assert float(jnp.std(block["Conv_0"]["kernel"])) == pytest.approx(gain / np.sqrt(32), rel=0.05)
    assert float(jnp.std(block["GroupedConv_0"]["kernel"])) == pytest.approx(gain / np.sqrt(16 * 9), rel=0.05)
    assert not block["Conv_1"]["kernel"].any()
    assert not any("bias" in name for name in block["Conv_0"])


@pytest.mark.long
def test_images_of_a_class_depend_on_it():
    gan = make(widths=(16, 16, 16), blocks=1, conditional=True)
    z, labels = jax.random.normal(jax.random.key(0), (1, 64)).repeat(2, 0), jnp.array([0, 7])

    @systems.quick_jit
    def draw_and_judge():
        images, _ = gan.generator.init_with_output(jax.random.key(1), z, labels, train=False)
        twice = images[:1].repeat(2, 0)
        (logits, _), _ = gan.discriminator.init_with_output(jax.random.key(2), twice, labels, train=False)
        return images, logits

    images, logits = draw_and_judge()
    assert float(jnp.abs(images[0] - images[1]).max()) > 1e-3
    assert float(jnp.abs(logits[0] - logits[1])) > 1e-6


@pytest.mark.parametrize(
    ("shape", "model", "sentence"),
    [
        ((30, 30, 1), {}, "height and width are multiples of 4"),
        ((28, 28, 1), {"widths": (20, 16, 16)}, "config.model.widths has 20"),
        ((28, 28, 1), {"blocks": 0}, "config.model.blocks is 0"),
        ((28, 28, 1), {"blocks": 10**8}, "config.model.blocks is 100000000"),
        ((28, 28, 1), {"blocks": 14}, "blocks times the number of widths is 42"),
        ((28, 28, 1), {"widths": (65_536,) * 3}, "config.model.widths is 65536"),
        ((28, 28, 1), {"widths": (16,) * 40}, "number of config.model.widths is 40"),
        ((28, 28, 1), {"widths": (8_192, 16, 16), "group_size": 1}, "number of groups of a block is 16384"),
    ],
)
def test_what_does_not_fit_is_named(shape, model, sentence):
    with pytest.raises(ValueError, match=sentence):
        make(shape=shape, **model)


# Huang et al., 2024, table 9: burn-in, images, batch, rate, weight, half-life, probability of augmentation.
@pytest.mark.parametrize(
    ("name", "burn_in", "images", "batch", "rates", "weights", "half_life", "p"),
    [
        ("r3gan_stacked_mnist", 2e6, 10e6, 512, (2e-4, 2e-4), (1.0, 0.1), 5e5, None),
        ("r3gan_cifar10", 20e6, 250e6, 512, (2e-4, 5e-5), (0.05, 0.005), 5e6, 0.55),
        ("r3gan64", 20e6, 100e6, 256, (2e-4, 5e-5), (2.0, 0.2), 5e5, 0.3),
    ],
)
def test_the_published_settings(name, burn_in, images, batch, rates, weights, half_life, p):
    config = importlib.import_module(f"configs.{name}").get_config()
    assert (config.burn_in.images, config.data.batch_size, config.train.ema_half_life) == (burn_in, batch, half_life)
    assert config.train.num_steps * batch == pytest.approx(images, rel=1e-4)
    for net in config.optim.g, config.optim.d:
        assert (net.b1, config.burn_in.b2, net.b2, net.eps) == (0, 0.9, 0.99, 1e-8)
        np.testing.assert_allclose((config.burn_in.learning_rate * net.learning_rate, net.learning_rate), rates)
    for weight in config.penalty.r1, config.penalty.r2:
        np.testing.assert_allclose((config.burn_in.penalty * weight, weight), weights)
    assert config.burn_in.ema_half_life == 0
    assert (config.augment_p if config.augment else None) == p
    assert config.loss == "rpgan"


@pytest.mark.long
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_moves_both_networks(precision):
    config = importlib.import_module("configs.r3gan_mnist").get_config()
    config.model.update(widths=(16, 16, 16), blocks=1)
    config.precision = precision
    gan = gans.build(config, DataInfo((28, 28, 1), 60_000, 10))
    state = systems.quick_jit(lambda: create_state(gan, optax.sgd(0.1), optax.sgd(0.1), jax.random.key(0)))()
    images = jax.random.randint(jax.random.key(0), (1, 4, 28, 28, 1), 0, 256).astype(jnp.uint8)
    after, metrics = systems.quick_jit(make_train_step(gan))(state, images, jnp.zeros((1, 4), jnp.int32))
    assert all(np.isfinite(value) for value in jax.tree.leaves(metrics))
    assert float(metrics["d/r1"]) > 0
    for net in "gd":
        before, then = (getattr(one, net).params for one in (state, after))
        assert float(jnp.abs(then["Block_0"]["Conv_1"]["kernel"]).max()) > 0
        assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(then))
        assert jax.tree.structure(before) == jax.tree.structure(then)
