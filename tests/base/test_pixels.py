import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.base.checks import UserError
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


def test_pixels_that_are_bytes_stay_and_other_integers_are_refused():
    pixels = np.arange(256, dtype=np.uint8)
    for images in (pixels, jnp.asarray(pixels)):
        np.testing.assert_array_equal(to_uint8(images), pixels)
    for dtype in ("int32", "uint16", "bool"):
        with pytest.raises(UserError, match=f"images are {dtype}; expected floats in"):
            to_uint8(pixels.astype(dtype))
