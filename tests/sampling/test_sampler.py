import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from tiny_params import make_params

import jaxgan


def test_sample_has_the_documented_shape_and_range():
    pictures = jaxgan.sample(make_params(), jax.random.key(0), num=5)
    assert (pictures.shape, pictures.dtype) == ((5, 8, 8, 3), jnp.float32)
    assert float(jnp.abs(pictures).max()) <= 1


def test_own_range_is_mapped_to_minus_one_and_one():
    z = jax.random.normal(jax.random.key(0), (4, 3))
    raw = jaxgan.generate(make_params(), z)
    mapped = jaxgan.generate(make_params(image_range=(0.0, 1.0)), z)
    np.testing.assert_allclose(mapped, np.clip(2 * raw - 1, -1, 1), atol=1e-6)


def test_sample_under_jit_and_vmap_over_keys():
    keys = jax.random.split(jax.random.key(0), 3)
    same = jax.random.split(jax.random.key(0), 3)[1]
    one = jax.jit(jaxgan.sample, static_argnames="num")(make_params(), same, num=4)
    many = jax.vmap(lambda key: jaxgan.sample(make_params(), key, num=4))(keys)
    assert many.shape == (3, 4, 8, 8, 3)
    np.testing.assert_allclose(many[1], one, atol=1e-6)


def test_sample_under_vmap_over_parameters():
    stacked = jax.tree.map(lambda x: jnp.stack([x, 2 * x]), make_params())
    keys = jax.random.split(jax.random.key(0), 2)
    assert jax.vmap(lambda p, key: jaxgan.sample(p, key, num=4))(stacked, keys).shape == (2, 4, 8, 8, 3)


def test_generate_has_the_gradient_of_finite_differences():
    p, z = make_params(), jax.random.normal(jax.random.key(0), (2, 3))

    def total(z):
        return (jaxgan.generate(p, z) ** 2).sum()

    step = 1e-2 * jnp.asarray([[1.0, 0, 0], [0, -1.0, 1.0]])
    slope = (total(z + step) - total(z - step)) / 2
    np.testing.assert_allclose(jnp.vdot(jax.grad(total)(z), step), slope, rtol=2e-2)


def test_running_images_do_not_depend_on_their_neighbours_and_batch_ones_do():
    p, z = make_params(), jax.random.normal(jax.random.key(0), (6, 3))
    np.testing.assert_allclose(jaxgan.generate(p, z)[:2], jaxgan.generate(p, z[:2]), atol=1e-6)
    together, apart = jaxgan.generate(p, z, stats="batch")[:2], jaxgan.generate(p, z[:2], stats="batch")
    assert float(jnp.abs(together - apart).max()) > 1e-3


def test_uniform_latents_stay_in_their_interval():
    z = jaxgan.latents(make_params(law="uniform"), jax.random.key(0), 1000)
    assert float(jnp.abs(z).max()) <= 1
    np.testing.assert_allclose(z.std(), 1 / np.sqrt(3), rtol=0.05)
    normal = jaxgan.latents(make_params(), jax.random.key(0), 1000)
    np.testing.assert_allclose([normal.mean(), normal.std()], [0, 1], atol=0.05)


def test_labels_decide_the_image_of_a_conditional_gan():
    p, z = make_params(conditional=True), jnp.ones((2, 3))
    a, b = jaxgan.generate(p, z, jnp.asarray([3, 4]))
    assert not np.allclose(a, b)
    assert jaxgan.sample(p, jax.random.key(0), num=2, labels=jnp.asarray([3, 3])).shape[0] == 2
    assert jaxgan.sample(p, jax.random.key(0), num=2).shape[0] == 2


def test_one_label_of_all_images_may_be_a_text():
    p = dataclasses.replace(make_params(conditional=True), label_names=("cat", "dog"))
    for text, number in ("dog", 1), ("7", 7):
        asked, expected = (jaxgan.sample(p, jax.random.key(0), num=2, labels=x) for x in (text, jnp.full(2, number)))
        np.testing.assert_array_equal(asked, expected)
    z = jaxgan.latents(p, jax.random.key(0), 2)
    np.testing.assert_array_equal(jaxgan.generate(p, z, "cat"), jaxgan.generate(p, z, [0, 0]))
    with pytest.raises(jaxgan.UserError, match=r"label 'dg' is no class .* Did you mean \"dog\""):
        jaxgan.sample(p, jax.random.key(0), num=2, labels="dg")
    with pytest.raises(jaxgan.UserError, match="this GAN is unconditional; leave them out"):
        jaxgan.sample(make_params(), jax.random.key(0), num=2, labels="dog")


def test_class_weights_mix_embeddings():
    p, z = make_params(conditional=True), jnp.ones((2, 3))
    one_hot = jnp.eye(10)[jnp.asarray([3, 4])]
    np.testing.assert_allclose(jaxgan.generate(p, z, one_hot), jaxgan.generate(p, z, [3, 4]), atol=1e-6)
    half = jaxgan.generate(p, z[:1], one_hot.mean(0, keepdims=True))
    assert not np.allclose(half[0], jaxgan.generate(p, z, [3, 4])[0])


@pytest.mark.parametrize(
    ("conditional", "z_shape", "labels", "sentence"),
    [
        (False, (2, 4), None, r"z has shape \(2, 4\); expected \(N, 3\)"),
        (False, (2, 3), [1, 2], "unconditional; leave them out"),
        (True, (2, 3), None, r"give labels, int32\[2\] in 0..9"),
        (True, (2, 3), [1], r"labels have shape \(1,\); expected \(2,\)"),
        (True, (2, 3), [1, 10], "labels reach from 1 to 10; expected 0..9"),
        (True, (2, 3), [-1, 1], "labels reach from -1 to 1; expected 0..9"),
        (True, (2, 3), np.array([1, 2**32 + 3]), "labels reach from 1 to 4294967299; expected 0..9"),
        (True, (2, 3), [1.0, 2.0], r"labels are float32\[2\]; expected int32\[2\], a class for each image"),
        (True, (1, 3), [[1] + 9 * [0]], r"labels are int32\[1, 10\]; .* float32\[1, 10\], weights of the classes"),
        (False, (3,), None, r"z has shape \(3,\); expected \(N, 3\)"),
        (False, (), None, r"z has shape \(\); expected \(N, 3\)"),
        (False, (0, 3), None, r"z has shape \(0, 3\); expected \(N, 3\), with N at least 1"),
    ],
)
def test_wrong_input_is_one_sentence(conditional, z_shape, labels, sentence):
    with pytest.raises(ValueError, match=sentence):
        jaxgan.generate(make_params(conditional), jnp.zeros(z_shape), labels)


def test_latents_of_whole_numbers_and_misspelt_statistics_are_refused():
    with pytest.raises(jaxgan.UserError, match="z is int32; expected float32"):
        jaxgan.generate(make_params(), jnp.zeros((2, 3), int))
    with pytest.raises(jaxgan.UserError, match=r"stats is 'runing'; .* Did you mean \"running\""):
        jaxgan.generate(make_params(), jnp.zeros((2, 3)), stats="runing")


@pytest.mark.parametrize(
    ("num", "sentence"),
    [
        (0, "num is 0; expected a value from 1"),
        (2.5, "num is 2.5; expected a whole number"),
        (2**32, "num is 4294967296"),
    ],
)
def test_numbers_of_images_that_cannot_be_are_refused(num, sentence):
    with pytest.raises(jaxgan.UserError, match=sentence):
        jaxgan.sample(make_params(), jax.random.key(0), num=num)


def test_a_traced_number_and_keys_of_another_kind_are_refused():
    params = make_params()
    with pytest.raises(jaxgan.UserError, match=r"num is traced; .*static_argnames='num'"):
        jax.jit(jaxgan.sample)(params, jax.random.key(0), num=4)
    for key, given in ((0, "0"), (jnp.zeros((2,), jnp.uint32), r"uint32\[2\]")):
        with pytest.raises(jaxgan.UserError, match=f"key is {given}; expected a typed key"):
            jaxgan.sample(params, key, num=4)
    with pytest.raises(jaxgan.UserError, match=r"key is int32\[\]; expected a typed key"):
        jax.jit(jaxgan.sample, static_argnames="num")(params, 0, num=4)
    with pytest.raises(jaxgan.UserError, match=r"key holds \[3\] keys; expected one"):
        jaxgan.sample(params, jax.random.split(jax.random.key(0), 3))


@pytest.mark.parametrize("limit", [0.5, 2.0])
def test_truncated_latents_have_scipys_law(limit):
    z = np.asarray(jaxgan.latents(make_params(), jax.random.key(0), 20_000, truncation=limit))
    assert np.abs(z).max() <= limit
    # A Kolmogorov-Smirnov distance this large has a chance of 1 in 1,000.
    assert scipy.stats.kstest(z.ravel(), scipy.stats.truncnorm(-limit, limit).cdf).pvalue > 1e-3


def test_a_truncation_beyond_all_latents_changes_nothing():
    params = make_params()
    z = jaxgan.latents(params, jax.random.key(0), 100)
    np.testing.assert_allclose(jaxgan.latents(params, jax.random.key(0), 100, truncation=20.0), z, atol=1e-6)


@pytest.mark.parametrize(
    ("law", "truncation", "sentence"),
    [
        ("normal", 0.0, "truncation is 0.0; expected a number above 0"),
        ("normal", float("nan"), "truncation is nan; expected a number above 0"),
        ("uniform", 1.0, "truncation is 1.0, but this GAN draws its latents from a uniform distribution"),
    ],
)
def test_truncations_that_cannot_be_are_refused(law, truncation, sentence):
    with pytest.raises(jaxgan.UserError, match=sentence):
        jaxgan.latents(make_params(law=law), jax.random.key(0), 4, truncation=truncation)


def test_a_list_of_texts_has_a_label_for_each_image():
    p = dataclasses.replace(make_params(conditional=True), label_names=("cat", "dog"))
    asked = jaxgan.sample(p, jax.random.key(0), num=3, labels=["dog", "cat", "7"])
    np.testing.assert_array_equal(asked, jaxgan.sample(p, jax.random.key(0), num=3, labels=jnp.asarray([1, 0, 7])))
    with pytest.raises(jaxgan.UserError, match="2 labels were given for 3 images; expected one for each"):
        jaxgan.sample(p, jax.random.key(0), num=3, labels=["dog", "cat"])
