"""The compact GAN: its size, the effect of classes, settings that it rejects."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import gans
from jaxgan.base.checks import UserError
from jaxgan.base.types import DataInfo
from jaxgan.gans import compact
from jaxgan.sampling.walks import interpolate
from jaxgan.training.gan import example_inputs

KINDS = 32  # of configs/mnist.py


def make(name="mnist", shape=(28, 28, 1), **model):
    config = importlib.import_module(f"configs.{name}").get_config()
    config.model.update(model)
    return gans.build(config, DataInfo(shape, 60_000, 10))


def init(net, *inputs):
    return jax.jit(functools.partial(net.init, train=False))(jax.random.key(0), *inputs)


def conv(size, inputs, outputs, bias):
    return size * size * inputs * outputs + bias * outputs


def expected(z, shape, classes, kinds):
    """Parameters of G and of D as sums over their layers, for the widths of the presets."""
    height, width, channels = shape
    small = height // 4 * (width // 4)
    embed = 64 * classes
    inputs = z + 64 * bool(classes) + 64 * bool(kinds)
    g = (inputs + 1) * small * 128 + embed + 64 * kinds + 2 * 2 * 128 + 2 * 2 * 64
    g += conv(3, 128, 128, 0) + conv(4, 128, 64, 0) + conv(3, 64, 64, 0) + conv(4, 64, channels, 1)
    d = conv(4, channels, 64, 1) + conv(3, 64, 64, 1) + conv(4, 64, 128, 1) + conv(3, 128, 128, 1)
    d += small * 128 + 1 + bool(classes) * (small * 128 + 1) * 64 + embed
    return g, d


def num_parameters(gan):
    """Return the numbers of parameters of G and of D."""
    shapes = [
        jax.eval_shape(functools.partial(net.init, train=False), jax.random.key(0), *inputs)["params"]
        for net, inputs in zip((gan.generator, gan.discriminator), example_inputs(gan), strict=True)
    ]
    return tuple(sum(leaf.size for leaf in jax.tree.leaves(params)) for params in shapes)


@pytest.mark.parametrize(
    ("name", "shape", "classes", "kinds"),
    [("mnist", (28, 28, 1), 0, KINDS), ("mnist_classes", (28, 28, 1), 10, 0), ("stacked_mnist", (32, 64, 3), 0, 0)],
)
def test_number_of_parameters(name, shape, classes, kinds):
    gan = make(name, shape)
    sizes = num_parameters(gan)
    assert sizes == expected(64, shape, classes, kinds)
    assert sum(sizes) <= 3_000_000


def test_a_width_more_is_a_map_of_half_the_size():
    """Parameters and shapes of three widths, as sums over their layers."""
    gan = make(shape=(16, 24, 3), g_widths=(12, 8, 4), d_widths=(4, 8, 12), kinds=0)
    draw = functools.partial(gan.generator.init_with_output, train=False)
    images, _ = jax.eval_shape(draw, jax.random.key(0), *example_inputs(gan)[0])
    assert images.shape[1:] == (16, 24, 3)
    convs = conv(3, 12, 12, 0) + conv(4, 12, 8, 0) + conv(3, 8, 8, 0) + conv(4, 8, 4, 0) + conv(3, 4, 4, 0)
    norms = 2 * (12 + 12 + 8 + 8 + 4 + 4)
    g = 65 * 2 * 3 * 12 + convs + norms + conv(4, 4, 3, 1)
    d = (
        conv(4, 3, 4, 1)
        + conv(3, 4, 4, 1)
        + conv(4, 4, 8, 1)
        + conv(3, 8, 8, 1)
        + conv(4, 8, 12, 1)
        + conv(3, 12, 12, 1)
    )
    assert num_parameters(gan) == (g, d + 2 * 3 * 12 + 1)


@pytest.fixture(scope="module")
def conditional():
    gan = make("mnist_classes", g_widths=(8, 4), d_widths=(4, 8))
    z, labels = jax.random.normal(jax.random.key(1), (1, 64)).repeat(2, 0), jnp.array([0, 7])
    g = init(gan.generator, z, labels)
    images = jax.jit(functools.partial(gan.generator.apply, train=False))(g, z, labels)
    return gan, labels, images, init(gan.discriminator, images, labels)


def test_signs_of_latents_choose_the_kind():
    z = jnp.array([[-1.0, -2.0, 9.0], [3.0, -1.0, 9.0], [-1.0, 1.0, -9.0], [1.0, 1.0, 9.0]])
    np.testing.assert_array_equal(compact.kind_of(z, 4), [0, 1, 2, 3])
    drawn = compact.kind_of(jax.random.normal(jax.random.key(0), (8_000, 64)), 8)
    np.testing.assert_allclose(np.bincount(drawn, minlength=8) / 8_000, 1 / 8, atol=0.02)


@pytest.mark.parametrize("kinds", [0, 2, 8])
def test_a_walk_between_latents_of_one_kind_keeps_to_it(kinds):
    start, end = jax.random.normal(jax.random.key(3), (2, 50, 6))
    stop = compact.with_kind_of(end, start, kinds)
    np.testing.assert_array_equal(jnp.abs(stop), jnp.abs(end))
    changed = (stop != end).any(0)
    assert changed.tolist() == [kinds > 1, *[kinds > 2] * 2, *[False] * 3]
    walk = interpolate(start, stop, 9, spherical=True).reshape(-1, 6)
    if kinds:
        passed = compact.kind_of(walk, kinds).reshape(50, 9)
        assert (passed == passed[:, :1]).all()


def test_only_the_vector_of_the_chosen_kind_matters():
    gan = make("mnist", kinds=4, g_widths=(8, 4))
    z = jnp.abs(jax.random.normal(jax.random.key(1), (1, 64)))  # kind 3
    variables = init(gan.generator, z, jnp.zeros(1, jnp.int32))
    table = variables["params"]["Embed_0"]["embedding"]

    @jax.jit
    def draw(table):
        params = {**variables["params"], "Embed_0": {"embedding": table}}
        return gan.generator.apply({**variables, "params": params}, z, jnp.zeros(1, jnp.int32), train=False)

    np.testing.assert_array_equal(draw(table.at[:3].add(1.0)), draw(table))
    assert float(jnp.abs(draw(table.at[3].add(1.0)) - draw(table)).max()) > 1e-3


def test_images_depend_on_the_class(conditional):
    images = conditional[2]
    assert images.shape == (2, 28, 28, 1)
    assert float(jnp.abs(images).max()) <= 1
    assert float(jnp.abs(images[0] - images[1]).max()) > 1e-3


def test_d_judges_each_image_alone_and_by_its_class(conditional):
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


def test_d_tells_labels_where_it_has_twin_heads_for_them(conditional):
    _, labels, images, d = conditional
    gan = make("mnist_classes", label_head=True, g_widths=(8, 4), d_widths=(4, 8))
    variables = init(gan.discriminator, images, labels)
    logits, told = jax.jit(functools.partial(gan.discriminator.apply, train=True))(variables, images, labels)
    assert (logits.shape, told.shape) == ((2,), (2, 2, 10))
    added = variables["params"].keys() - d["params"].keys()
    assert len(added) == 1  # so a D without a head keeps the parameters that it had


@pytest.mark.parametrize(
    ("shape", "model", "message"),
    [
        ((30, 28, 1), {}, "multiples of 4"),
        ((28, 28, 1), {"label_head": True}, "label_head is True, but the GAN gets no labels"),
        ((28, 28, 1), {"g_widths": (8, 8, 8)}, "compact with 3 g_widths makes .* multiples of 8.* such as 8 or 16"),
        ((28, 28, 1), {"g_widths": ()}, r"config.model.g_widths is \(\); expected 1 to 6 numbers"),
        ((64, 64, 1), {"d_widths": (8,) * 7}, r"config.model.d_widths is .*; expected 1 to 6 numbers"),
        ((28, 28, 1), {"d_widths": (0, 8)}, "config.model.d_widths"),
        ((28, 28, 1), {"kinds": 12}, r"config.model.kinds is 12; expected 0, or a power of two up to .* 2\^64"),
        ((28, 28, 1), {"kinds": 16, "latent_size": 3}, "config.model.kinds is 16"),
    ],
)
def test_impossible_settings_are_rejected(shape, model, message):
    with pytest.raises(UserError, match=message):
        make("mnist", shape, **model)
