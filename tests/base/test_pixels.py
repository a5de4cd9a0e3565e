import jax.numpy as jnp
import numpy as np

from jaxgan.base.pixels import to_range, to_uint8


def test_uint8_mapping_is_exact_both_ways():
    all_bytes = jnp.arange(256)
    back = to_uint8(all_bytes / 127.5 - 1)
    np.testing.assert_array_equal(back, all_bytes)
    assert to_uint8(jnp.asarray([-1.0, 1.0, -7.0, 7.0])).tolist() == [0, 255, 0, 255]


def test_pixels_reach_both_ends_of_the_range():
    pixels = jnp.asarray([0, 255], jnp.uint8)
    np.testing.assert_allclose(to_range(pixels, (-1.0, 1.0)), [-1, 1], atol=1e-6)
    np.testing.assert_allclose(to_range(pixels, (0.0, 1.0)), [0, 1], atol=1e-6)
