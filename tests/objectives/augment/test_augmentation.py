import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.objectives.augment import augmentation, diffaugment

IMAGES = jax.random.uniform(jax.random.key(0), (64, 8, 6, 3), minval=-1.0)
ALL = jax.jit(augmentation.from_policy("color, translation,cutout"))


def apply(name, images=IMAGES, key=1):
    return jax.jit(getattr(diffaugment, name))(jax.random.key(key), images)


def test_brightness_adds_one_number_a_image():
    moved = apply("brightness") - IMAGES
    np.testing.assert_allclose(moved, jnp.broadcast_to(moved[:, :1, :1, :1], moved.shape), atol=1e-6)
    assert 0.3 < float(jnp.abs(moved).max()) < 0.5
    assert abs(float(moved.mean())) < 0.1


def test_saturation_keeps_the_grey_value_and_grey_images():
    np.testing.assert_allclose(apply("saturation").mean(-1), IMAGES.mean(-1), atol=1e-6)
    grey = IMAGES[..., :1]
    np.testing.assert_allclose(apply("saturation", grey), grey, atol=1e-6)


def test_contrast_keeps_the_mean_and_scales_the_rest():
    mean = IMAGES.mean((1, 2, 3))
    changed = apply("contrast")
    np.testing.assert_allclose(changed.mean((1, 2, 3)), mean, atol=1e-5)
    scale = changed.std((1, 2, 3)) / IMAGES.std((1, 2, 3))
    assert 0.5 <= scale.min() < 0.7
    assert 1.3 < scale.max() <= 1.5


def test_translation_is_a_shift_into_grey():
    images = jnp.zeros((200, 16, 8, 1)).at[:, 8, 4].set(1.0)
    places = np.argwhere(np.asarray(apply("translation", images))[..., 0] == 1)[:, 1:] - (8, 4)
    assert len(places) == 200
    assert set(places[:, 0]) == {-2, -1, 0, 1, 2}  # an eighth of 16
    assert set(places[:, 1]) == {-1, 0, 1}
    filled = apply("translation", jnp.ones((50, 16, 8, 1)))
    assert set(np.unique(filled)) == {0.0, 1.0}


def test_cutout_hides_half_of_each_side_or_what_of_it_lies_inside():
    hidden = np.asarray(apply("cutout", jnp.ones((300, 8, 6, 1))))[..., 0] == 0
    heights, widths = hidden.any(2).sum(1), hidden.any(1).sum(1)
    np.testing.assert_array_equal(hidden.sum((1, 2)), heights * widths)
    assert (heights.max(), widths.max()) == (4, 3)
    assert heights.min() >= 2


@pytest.mark.parametrize(("p", "strength"), [(0.25, 1.0), (1.0, 0.25), (0.5, jnp.float32(0.5))])
def test_a_probability_leaves_some_images_as_they_are(p, strength):
    images = jnp.broadcast_to(IMAGES[:1], (2_000, *IMAGES.shape[1:]))
    policy = jax.jit(functools.partial(augmentation.from_policy("translation", p), strength=strength))
    moved = policy(jax.random.key(0), images)
    # An eighth of 8 and 6 is 1, so one shift of nine changes nothing.
    changed = (moved != images).any((1, 2, 3)).mean()
    assert abs(float(changed) - 0.25 * 8 / 9) < 0.04


@pytest.mark.long
@pytest.mark.parametrize("strength", [3.0, jnp.float32(3.0)])
def test_a_probability_beyond_one_is_one(strength):
    policy = augmentation.from_policy("ada_geometry")
    moved, most = (
        jax.jit(functools.partial(policy, strength=s))(jax.random.key(0), IMAGES[:4])
        for s in (strength, jnp.float32(1.0))
    )
    np.testing.assert_allclose(moved, most, atol=1e-5)


def test_a_probability_of_one_is_no_probability():
    first, again = (
        jax.jit(augmentation.from_policy("color,cutout", *p))(jax.random.key(0), IMAGES) for p in ((), (1.0,))
    )
    np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match=r"config\.augment_p is 2"):
        augmentation.from_policy("color", 2.0)


@pytest.mark.long
def test_each_image_has_numbers_of_its_own_and_keys_decide():
    same = jnp.broadcast_to(IMAGES[:1], IMAGES.shape)
    first, again, other = (ALL(jax.random.key(k), same) for k in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert len(np.unique(np.asarray(first).reshape(64, -1), axis=0)) == 64


def test_range_of_the_images_does_not_matter():
    low = ALL(jax.random.key(1), (IMAGES + 1) / 2, (0.0, 1.0))
    np.testing.assert_allclose(2 * low - 1, ALL(jax.random.key(1), IMAGES), atol=1e-5)


def test_gradient_flows_through():
    gradient = jax.jit(jax.grad(lambda x: jnp.sum(ALL(jax.random.key(1), x) ** 2)))(IMAGES)
    assert np.isfinite(gradient).all()
    assert (jnp.abs(gradient).sum((1, 2, 3)) > 0).all()


def test_a_factor_makes_an_operation_rarer():
    images = jnp.broadcast_to(IMAGES[:1], (2_000, *IMAGES.shape[1:]))
    half, usual = (
        jax.jit(augmentation.from_policy(policy, 0.5))(jax.random.key(0), images)
        for policy in ("translation:0.5", "translation:1")
    )
    for moved, p in (half, 0.25), (usual, 0.5):
        assert abs(float((moved != images).any((1, 2, 3)).mean()) - p * 8 / 9) < 0.04
    for wrong in "color:2", "color:nan", "color:x", "color:-0.5":
        with pytest.raises(ValueError, match=f"config.augment has '{wrong}'; expected a factor from 0 to 1"):
            augmentation.from_policy(wrong)


def test_policies():
    assert augmentation.from_policy("") is None
    assert augmentation.from_policy("color").operations == augmentation.OPERATIONS["color"]
    with pytest.raises(ValueError, match=r'config\.augment is .colour.; .*Did you mean "color"'):
        augmentation.from_policy("colour")


@pytest.mark.parametrize("policy", ["color", "ada_color"])
@pytest.mark.parametrize("channels", [2, 4, 5])
def test_transparency_is_no_colour(policy, channels):
    images = np.random.default_rng(0).uniform(-1, 1, (8, 4, 6, channels)).astype(np.float32)
    changed = np.asarray(augmentation.from_policy(policy)(jax.random.key(0), images, (-1.0, 1.0)))
    is_same = np.isclose(changed, images, atol=1e-6).all((0, 1, 2))
    assert is_same.tolist() == [channel == channels - 1 and channels != 5 for channel in range(channels)]


@pytest.mark.long
def test_everything_takes_oblong_images():
    images = np.random.default_rng(0).uniform(-1, 1, (2, 8, 12, 3)).astype(np.float32)
    changed = augmentation.from_policy(",".join(augmentation.OPERATIONS))(jax.random.key(0), images, (-1.0, 1.0))
    assert changed.shape == images.shape
    assert np.isfinite(changed).all()
