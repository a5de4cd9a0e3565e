import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxgan.objectives.augment import ada, augmentation

RNG = np.random.default_rng(0)
IMAGES = jnp.asarray(RNG.uniform(-1, 1, (40, 8, 8, 3)), jnp.float32)
# Compiled as a whole, for a program for each operation within takes much longer.
blit, geometry, color, noise, cutout = ALL = [
    jax.jit(operation) for operation in (ada.blit, ada.geometry, ada.color, ada.noise, ada.cutout)
]
warp = jax.jit(ada._warp)


def identity(num):
    return jnp.broadcast_to(jnp.eye(2), (num, 2, 2)), jnp.zeros((num, 2))


def smooth(height, width):
    """Images without detail that upsampling could lose."""
    noise = RNG.normal(size=(5, 3 * height, 3 * width, 1))
    blurred = ndimage.gaussian_filter(noise, (0, 2.5, 2.5, 0), mode="wrap")[:, height : 2 * height, width : 2 * width]
    return (blurred / np.abs(blurred).max()).astype(np.float32)


@pytest.mark.long
@pytest.mark.parametrize("operation", ALL)
def test_a_probability_of_nothing_changes_nothing(operation):
    np.testing.assert_allclose(operation(jax.random.key(0), IMAGES, 0.0), IMAGES, atol=2e-6)


@pytest.mark.long
@pytest.mark.parametrize("operation", ALL)
def test_a_probability_decides_how_many_are_changed(operation):
    images = jnp.broadcast_to(IMAGES[:1], (1_000, 8, 8, 3))
    rare, often = (
        (jnp.abs(operation(jax.random.key(1), images, p) - images).max((1, 2, 3)) > 1e-3).mean() for p in (0.1, 0.9)
    )
    # Up to six transforms within one, each with the probability of its own; some draws change nothing.
    assert 0.04 < float(rare) < 0.5
    assert 0.8 < float(often) + 0.1 * (operation is noise) <= 1.1


def test_the_filter_is_an_orthogonal_wavelet():
    for shift in range(0, 12, 2):
        assert np.dot(ada.SYM6[shift:], ada.SYM6[: 12 - shift]) == pytest.approx(float(shift == 0), abs=1e-9)
    assert ada.SYM6.sum() == pytest.approx(np.sqrt(2))


def test_warping_by_nothing_gives_images_back():
    for shape in ((3, 7, 10, 1), (2, 5, 4, 3)):
        images = RNG.normal(size=shape).astype(np.float32)
        np.testing.assert_allclose(warp(images, *identity(shape[0])), images, atol=1e-5)


def test_warping_shifts_and_mirrors_beyond_the_edges():
    images = smooth(10, 12)[:2]
    matrix, offset = identity(2)
    moved = warp(images, matrix, offset + jnp.array([[-3.0, 2.0]]))  # from 3 to the left, 2 further down
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect")
    np.testing.assert_allclose(moved, padded[:, 6:16, 1:13], atol=0.02)


def test_warping_turns_as_numpy_does():
    images = smooth(15, 15)
    turned = warp(images, ada._turned(jnp.full(5, jnp.pi / 2)), jnp.zeros((5, 2)))
    np.testing.assert_allclose(turned, np.rot90(images, 1, (1, 2)), atol=0.05)


def test_warping_between_pixels_is_near_cubic_splines():
    images = smooth(24, 20)
    angle, size, offset = 0.3, 0.8, np.array([1.3, -0.6])
    matrix = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    warped = warp(
        images, jnp.broadcast_to(jnp.asarray(matrix, jnp.float32), (5, 2, 2)), jnp.tile(jnp.float32(offset), (5, 1))
    )
    swapped = matrix[::-1, ::-1]  # scipy counts rows first
    middle = np.array([23 / 2, 19 / 2])
    for image, ours in zip(images, warped, strict=True):
        theirs = ndimage.affine_transform(
            image[..., 0], swapped, middle - swapped @ middle + offset[::-1], order=3, mode="mirror"
        )
        np.testing.assert_allclose(ours[3:-3, 3:-3, 0], theirs[3:-3, 3:-3], atol=0.03)


def test_blit_flips_turns_and_shifts_whole_pixels():
    image = RNG.normal(size=(16, 16)).astype(np.float32)
    images = jnp.broadcast_to(jnp.asarray(image)[None, :, :, None], (300, 16, 16, 1))
    seen = set()
    moved = np.asarray(blit(jax.random.key(0), images, 1.0))[..., 0]
    forms = {}
    for flip, turns in itertools.product((False, True), range(4)):
        base = np.rot90(image[:, ::-1] if flip else image, turns)
        padded = np.pad(base, 2, mode="reflect")
        for dy, dx in itertools.product(range(5), repeat=2):
            forms[flip, turns, dy, dx] = padded[dy : dy + 16, dx : dx + 16]
    for seen_image in moved[:60]:
        fits = [name for name, form in forms.items() if np.array_equal(form, seen_image)]
        assert len(fits) == 1
        seen.add(fits[0][:2])
    assert len(seen) == 8


@pytest.mark.long
@pytest.mark.parametrize("size", [8, 28, 32])
def test_blit_shifts_by_an_eighth_rounded_as_published(size):
    """np.rint of U(-1/8, 1/8) times the size: the ends are half as likely as the others, or are not reached."""
    images = jnp.broadcast_to(jnp.arange(size, dtype=jnp.float32)[None, :, None, None], (4_000, size, size, 1))
    moved = np.asarray(blit(jax.random.key(0), images, 1.0))[..., 0]
    place = np.arange(size)
    ways = np.array([range(-4, 5)]).ravel()
    rolled = [np.pad(place, 4, mode="reflect")[4 + way : 4 + way + size] for way in ways]
    upright = moved[np.ptp(moved[:, 0, :], axis=1) == 0][:, :, 0]  # neither turned by a quarter
    counts = np.array([np.sum(np.all(upright == row, axis=1)) for row in rolled])
    found = np.repeat(ways, counts)
    expected = np.rint(np.random.default_rng(0).uniform(-size / 8, size / 8, 100_000))
    assert (found.min(), found.max()) == (expected.min(), expected.max())
    assert found.std() == pytest.approx(expected.std(), rel=0.08)


def test_images_that_are_not_square_are_turned_by_halves():
    image = RNG.normal(size=(4, 6)).astype(np.float32)
    images = jnp.broadcast_to(jnp.asarray(image)[None, :, :, None], (100, 4, 6, 1))
    assert blit(jax.random.key(0), images, 1.0).shape == images.shape


def test_geometry_keeps_what_has_no_structure():
    flat = jnp.broadcast_to(jnp.linspace(-1, 1, 50).reshape(-1, 1, 1, 1), (50, 12, 9, 1))
    np.testing.assert_allclose(geometry(jax.random.key(0), flat, 1.0), flat, atol=1e-5)


def test_colours_change_alike_in_all_pixels():
    changed = color(jax.random.key(2), IMAGES, 1.0)
    for before, after in zip(np.asarray(IMAGES), np.asarray(changed), strict=True):
        pixels = np.concatenate([before.reshape(-1, 3), np.ones((64, 1))], 1)
        matrix, *_ = np.linalg.lstsq(pixels, after.reshape(-1, 3), rcond=None)
        np.testing.assert_allclose(pixels @ matrix, after.reshape(-1, 3), atol=1e-4)
        grey = matrix[:3].sum(0)  # what white becomes, but for brightness
        np.testing.assert_allclose(grey, grey[0], atol=1e-4)
        chroma = matrix[:3] - grey / 3
        # Orthogonal but for its scale: hue is a rotation, saturation a factor.
        square = chroma @ chroma.T
        np.testing.assert_allclose(square, square[0, 0] * 1.5 * (np.eye(3) - 1 / 3), atol=1e-3 * max(1, square[0, 0]))


def test_grey_images_stay_straight_lines():
    grey = IMAGES[..., :1]
    for before, after in zip(grey, color(jax.random.key(0), grey, 1.0), strict=True):
        slope, start = np.polyfit(np.ravel(before), np.ravel(after), 1)
        np.testing.assert_allclose(after, slope * before + start, atol=1e-4)


def test_cutout_hides_half_of_each_side_or_what_of_it_lies_inside():
    hidden = np.asarray(cutout(jax.random.key(0), jnp.ones((300, 8, 12, 1)), 1.0))[..., 0] == 0
    heights, widths = hidden.any(2).sum(1), hidden.any(1).sum(1)
    np.testing.assert_array_equal(hidden.sum((1, 2)), heights * widths)
    assert (heights.max(), widths.max()) == (4, 6)


@pytest.mark.long
def test_the_gradient_flows_through_all():
    policy = augmentation.from_policy("ada_blit,ada_geometry,ada_color,ada_noise,ada_cutout", 0.8)
    slope = jax.jit(jax.grad(lambda x: policy(jax.random.key(0), x).sum()))(IMAGES[:6])
    assert np.isfinite(slope).all()
    assert (np.abs(slope) > 0).mean() > 0.5
