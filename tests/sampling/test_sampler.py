import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.spatial
import tiny

import jaxgan
from jaxgan.base.types import DataInfo


def params(conditional=False, image_range=(-1.0, 1.0), law="normal"):
    config = tiny.get_config()
    config.model.conditional = conditional
    config.model.latent_law = law
    config.data.range = image_range
    gan = jaxgan.build(config, DataInfo((8, 8, 3), 10, 10))
    variables = gan.generator.init(jax.random.key(1), jnp.zeros((1, 3)), jnp.zeros((1,), jnp.int32), train=False)
    return jaxgan.generator_params(gan, variables)


def test_sample_has_the_documented_shape_and_range():
    pictures = jaxgan.sample(params(), jax.random.key(0), num=5)
    assert (pictures.shape, pictures.dtype) == ((5, 8, 8, 3), jnp.float32)
    assert float(jnp.abs(pictures).max()) <= 1


def test_own_range_is_mapped_to_minus_one_and_one():
    z = jax.random.normal(jax.random.key(0), (4, 3))
    raw = jaxgan.generate(params(), z)
    mapped = jaxgan.generate(params(image_range=(0.0, 1.0)), z)
    np.testing.assert_allclose(mapped, np.clip(2 * raw - 1, -1, 1), atol=1e-6)


def test_sample_under_jit_and_vmap_over_keys():
    keys = jax.random.split(jax.random.key(0), 3)
    same = jax.random.split(jax.random.key(0), 3)[1]
    one = jax.jit(jaxgan.sample, static_argnames="num")(params(), same, num=4)
    many = jax.vmap(lambda key: jaxgan.sample(params(), key, num=4))(keys)
    assert many.shape == (3, 4, 8, 8, 3)
    np.testing.assert_allclose(many[1], one, atol=1e-6)


def test_sample_under_vmap_over_parameters():
    stacked = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), params())
    keys = jax.random.split(jax.random.key(0), 2)
    assert jax.vmap(lambda p, key: jaxgan.sample(p, key, num=4))(stacked, keys).shape == (2, 4, 8, 8, 3)


def test_generate_has_the_gradient_of_finite_differences():
    p, z = params(), jax.random.normal(jax.random.key(0), (2, 3))

    def total(z):
        return (jaxgan.generate(p, z) ** 2).sum()

    step = 1e-2 * jnp.asarray([[1.0, 0, 0], [0, -1.0, 1.0]])
    slope = (total(z + step) - total(z - step)) / 2
    np.testing.assert_allclose(jnp.vdot(jax.grad(total)(z), step), slope, rtol=2e-2)


def test_running_pictures_do_not_depend_on_their_neighbours_and_batch_ones_do():
    p, z = params(), jax.random.normal(jax.random.key(0), (6, 3))
    np.testing.assert_allclose(jaxgan.generate(p, z)[:2], jaxgan.generate(p, z[:2]), atol=1e-6)
    together, apart = jaxgan.generate(p, z, stats="batch")[:2], jaxgan.generate(p, z[:2], stats="batch")
    assert float(jnp.abs(together - apart).max()) > 1e-3


def test_uniform_latents_stay_in_their_interval():
    z = jaxgan.latents(params(law="uniform"), jax.random.key(0), 1000)
    assert float(jnp.abs(z).max()) <= 1
    np.testing.assert_allclose(z.std(), 1 / np.sqrt(3), rtol=0.05)
    normal = jaxgan.latents(params(), jax.random.key(0), 1000)
    np.testing.assert_allclose([normal.mean(), normal.std()], [0, 1], atol=0.05)


def test_labels_decide_the_picture_of_a_conditional_gan():
    p, z = params(conditional=True), jnp.ones((2, 3))
    a, b = jaxgan.generate(p, z, jnp.asarray([3, 4]))
    assert not np.allclose(a, b)
    assert jaxgan.sample(p, jax.random.key(0), num=2, labels=jnp.asarray([3, 3])).shape[0] == 2
    assert jaxgan.sample(p, jax.random.key(0), num=2).shape[0] == 2


def test_class_weights_mix_embeddings():
    p, z = params(conditional=True), jnp.ones((2, 3))
    one_hot = jnp.eye(10)[jnp.asarray([3, 4])]
    np.testing.assert_allclose(jaxgan.generate(p, z, one_hot), jaxgan.generate(p, z, [3, 4]), atol=1e-6)
    half = jaxgan.generate(p, z[:1], one_hot.mean(0, keepdims=True))
    assert not np.allclose(half[0], jaxgan.generate(p, z, [3, 4])[0])


def test_spherical_walks_are_scipys():
    a, b = jax.random.normal(jax.random.key(0), (2, 4, 3))
    ours = jaxgan.interpolate(a, b, 6, spherical=True)
    for start, stop, walk in zip(a, b, ours, strict=True):
        unit = [np.asarray(x, np.float64) / np.linalg.norm(np.asarray(x, np.float64)) for x in (start, stop)]
        arc = scipy.spatial.geometric_slerp(*unit, np.linspace(0, 1, 6))
        # On the unit sphere the weights are the same; here each end keeps its own length.
        weights = np.linalg.lstsq(np.stack(unit, 1), arc.T, rcond=None)[0].T
        np.testing.assert_allclose(walk, weights @ np.stack([start, stop]), atol=1e-5)


def test_linear_walks_and_walks_on_one_ray_are_straight():
    a, b = jnp.asarray([[1.0, 0.0]]), jnp.asarray([[3.0, 0.0]])
    for spherical in (False, True):
        walk = jaxgan.interpolate(a, b, 3, spherical=spherical)
        np.testing.assert_allclose(walk, [[[1, 0], [2, 0], [3, 0]]], atol=1e-6)


@pytest.mark.parametrize(
    ("conditional", "z_shape", "labels", "sentence"),
    [
        (False, (2, 4), None, r"z has shape \(2, 4\); expected \(N, 3\)"),
        (False, (2, 3), [1, 2], "unconditional; leave them out"),
        (True, (2, 3), None, r"give labels, int32\[2\] in 0..9"),
        (True, (2, 3), [1], r"labels have shape \(1,\); expected \(2,\)"),
        (True, (2, 3), [1, 10], "labels reach from 1 to 10; expected 0..9"),
        (True, (2, 3), [-1, 1], "labels reach from -1 to 1; expected 0..9"),
    ],
)
def test_wrong_input_is_one_sentence(conditional, z_shape, labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        jaxgan.generate(params(conditional), jnp.zeros(z_shape), labels)
