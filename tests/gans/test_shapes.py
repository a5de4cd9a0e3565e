"""Networks for oblong images of any channels, and for label vectors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from systems import get_config, quick_jit

import jaxgan
from jaxgan.base.types import DataInfo
from jaxgan.gans import build
from jaxgan.training.gan import generator_shapes

# The smallest oblong images that each of them makes.
SHAPES = {
    "gan_mlp": (3, 5, 4),
    "cgan": (8, 12, 2),
    "dcgan64": (32, 48, 4),
    "mnist_classes": (12, 8, 5),
    "r3gan_mnist": (12, 28, 4),
}
VECTORS = ((0.0, 1.0, -3.0), (1.0, 0.0, 5.0))
CONDITIONED = ("cgan", "mnist_classes", "r3gan_mnist")


def gan_of(name, shape, **facts):
    config = get_config(name)
    if name == "r3gan_mnist":
        config.model.widths, config.model.conditional = (16, 16, 16), True
    if facts.get("label_size") or name in CONDITIONED:
        facts.setdefault("num_classes", None if facts.get("label_size") else 3)
    return build(config, DataInfo(shape, 100, **{"num_classes": None, **facts}))


@pytest.mark.parametrize("name", SHAPES)
def test_networks_take_oblong_images_of_any_channels(name):
    gan = gan_of(name, SHAPES[name])
    rows = 2
    z, labels = jax.ShapeDtypeStruct((rows, *gan.latent.shape), np.float32), jax.ShapeDtypeStruct((rows,), np.int32)
    images = jax.ShapeDtypeStruct((rows, *SHAPES[name]), np.float32)
    for module, given in (gan.generator, z), (gan.discriminator, images):
        init = functools.partial(module.init, train=False)
        out, _ = jax.eval_shape(lambda key, *x, init=init: (None, init(key, *x)), jax.random.key(0), given, labels)
        assert out is None
    made = jax.eval_shape(
        lambda variables, *x: gan.generator.apply(variables, *x, train=False), generator_shapes(gan), z, labels
    )
    assert made.shape == (rows, *SHAPES[name])


@pytest.mark.parametrize(
    ("name", "shape", "sentence"),
    [
        ("cgan", (10, 13, 3), r"multiples of 4, .* such as 28 or 32, or to \(8, 12\)"),
        ("dcgan64", (50, 30, 3), r"multiples of 16, .* or to \(48, 32\)"),
        ("mnist_classes", (30, 28, 1), r"multiples of 4, .* such as 28 or 32, or to \(32, 28\)"),
        ("dcgan", (28, 32, 1), r"makes images of shape \(28, 28, 1\)"),
    ],
)
def test_other_sides_are_refused_with_the_nearest_that_fit(name, shape, sentence):
    with pytest.raises(jaxgan.UserError, match=sentence):
        gan_of(name, shape)


def drawn(shapes, rng):
    """Return variables in place of those of `init`, where some last layers are zero."""

    def draw(x):
        spread = np.prod(x.shape[:-1]) ** -0.5 if x.ndim > 1 else 0
        return (rng.normal(0, spread, x.shape) + (x.ndim == 1)).astype(np.float32)

    return jax.tree.map(draw, shapes)


@pytest.mark.long
@pytest.mark.parametrize("name", CONDITIONED)
def test_images_and_logits_depend_on_each_number_of_a_vector(name):
    gan = gan_of(name, (*SHAPES[name][:2], 1), label_size=3, label_table=VECTORS)
    assert (gan.num_classes, gan.label_size) == (None, 3)
    z = gan.latent.draw(jax.random.key(0), 1)
    images = np.random.default_rng(0).uniform(-1, 1, (1, *gan.data.image_shape)).astype(np.float32)
    vectors = np.array([[0, 1, 2], [1, 1, 2], [0, 0, 2], [0, 1, 3]], np.float32)
    for module, given, seed in (gan.generator, z, 1), (gan.discriminator, images, 2):
        rows = jnp.repeat(jnp.asarray(given), len(vectors), 0)
        shapes = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), rows, vectors)
        variables = drawn(shapes, np.random.default_rng(seed))
        out = quick_jit(functools.partial(module.apply, train=False))(variables, rows, vectors)
        out = np.asarray(out[0] if isinstance(out, tuple) else out).reshape(len(vectors), -1)
        assert all(np.abs(out[0] - other).max() > 1e-3 for other in out[1:]), module


def test_vectors_of_a_batch_are_those_of_its_real_images():
    from jaxgan.training.passes import draw_noise

    gan = gan_of("cgan", (8, 8, 1), label_size=3, label_table=VECTORS)
    labels = np.arange(12, dtype=np.float32).reshape(4, 3)
    noise = draw_noise(gan, jax.random.key(0), 4, labels)
    np.testing.assert_array_equal(noise.labels, labels)
    assert noise.z.shape == (4, *gan.latent.shape)
