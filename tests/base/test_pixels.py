import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.base import pixels
from jaxgan.base.checks import UserError
from jaxgan.base.pixels import to_range, to_uint8

RNG = np.random.default_rng(0)


def test_uint8_mapping_is_exact_both_ways():
    all_bytes = jnp.arange(256)
    back = to_uint8(all_bytes / 127.5 - 1)
    np.testing.assert_array_equal(back, all_bytes)
    assert to_uint8(jnp.asarray([-1.0, 1.0, -7.0, 7.0])).tolist() == [0, 255, 0, 255]


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_pixels_of_16_bits_are_rounded_once(dtype):
    images = jnp.linspace(-1, 1, 1001).astype(dtype)
    exact = np.asarray(images, np.float64)
    np.testing.assert_array_equal(to_uint8(images), np.round((exact + 1) * 127.5))


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


def test_what_people_see_of_any_channels():
    images = RNG.integers(0, 256, (2, 3, 4, 6), np.uint8)
    for same in 1, 3:
        np.testing.assert_array_equal(pixels.visible(images[..., :same]), images[..., :same])
    np.testing.assert_array_equal(pixels.visible(images), images[..., :3])
    np.testing.assert_array_equal(pixels.visible(images, (4, 0, 1)), images[..., [4, 0, 1]])
    for count, mode in (2, "LA"), (4, "RGBA"):
        seen = pixels.visible(images[..., :count])
        for one, image in zip(seen, images[..., :count], strict=True):
            white = Image.new("RGBA", (4, 3), "white")
            white.alpha_composite(Image.fromarray(image, mode).convert("RGBA"))
            expected = np.asarray(white.convert(mode[:-1])).reshape(one.shape)
            np.testing.assert_allclose(one.astype(int), expected, atol=1)
    for wrong in (0, 1), (6,), (-1,):
        with pytest.raises(UserError, match=r"config\.sample\.channels is .*; expected one or three of 0 to 5"):
            pixels.visible(images, wrong)


def test_sixteen_bits_for_networks_people_and_back():
    wide = np.arange(65536, dtype=np.uint16)
    np.testing.assert_allclose(pixels.to_range(wide, (-1.0, 1.0)), wide / 32767.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(pixels.to_bytes(wide), np.rint(wide / 257).astype(np.uint8))
    values = pixels.to_levels(np.asarray(pixels.to_range(wide, (-1.0, 1.0))), (-1024.0, 3071.0))
    np.testing.assert_allclose(values, -1024 + wide / 65535 * 4095, atol=1e-3)
