import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_params import make_params

import jaxgan
from jaxgan.sampling import pixels
from jaxgan.sampling.labels import spread_labels


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(pixels, "PART", 3)


@pytest.mark.long
def test_parts_make_the_images_of_the_whole(small_parts):
    params, z = make_params(conditional=True), jax.random.normal(jax.random.key(0), (8, 3))
    labels = jnp.arange(8)
    whole = np.asarray(jaxgan.to_uint8(jaxgan.generate(params, z, labels)))
    made = pixels.generate_pixels(params, z, labels)
    assert (made.shape, made.dtype) == ((8, 8, 8, 3), np.uint8)
    np.testing.assert_allclose(made.astype(int), whole, atol=1)


def test_batch_statistics_of_many_are_those_of_parts_with_all_classes(small_parts):
    params, z = make_params(conditional=True), jax.random.normal(jax.random.key(0), (7, 3))
    labels = spread_labels(7, 2)
    made = pixels.generate_pixels(params, z, labels, "batch")
    for rows in ([0, 3, 6], [1, 4], [2, 5]):
        apart = jaxgan.to_uint8(jaxgan.generate(params, z[np.array(rows)], labels[np.array(rows)], stats="batch"))
        np.testing.assert_allclose(made[rows].astype(int), apart, atol=1)
        assert set(labels[np.array(rows)].tolist()) == {0, 1}


def test_batch_statistics_of_few_are_those_of_all():
    params, z = make_params(), jax.random.normal(jax.random.key(0), (6, 3))
    whole = jaxgan.to_uint8(jaxgan.generate(params, z, stats="batch"))
    np.testing.assert_allclose(pixels.generate_pixels(params, z, None, "batch").astype(int), whole, atol=1)


def test_pixels_that_are_no_numbers_are_a_sentence():
    with pytest.raises(FloatingPointError, match="pixels that are no numbers; scale latents less"):
        pixels.generate_pixels(make_params(), jnp.full((2, 3), jnp.nan), None)
