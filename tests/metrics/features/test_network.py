"""Feature networks: chunks, one's own functions, mistakes."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.metrics.features.network import FeatureNet, compiled, from_function

IMAGES = np.random.default_rng(0).integers(0, 256, (70, 6, 6, 3), np.uint8)


def means(variables, images):
    seen = images.astype(jnp.float32).mean((1, 2)) * variables
    return seen, seen[:, :2]


def net(**changes):
    plain = FeatureNet("x", "1", 3, 2, (6, 6, 3), "means", compiled(means, jnp.float32(2), 32), chunk=32)
    return dataclasses.replace(plain, **changes)


def test_chunks_make_no_difference():
    seen, logits = net().features_and_logits(IMAGES)
    np.testing.assert_allclose(seen, 2 * IMAGES.mean((1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(logits, seen[:, :2])
    assert seen.dtype == logits.dtype == np.float32


def test_the_distance_is_called_fid_with_the_standard_network_alone():
    assert net().distance_name == "fd_x"
    assert net(distance_name="fid_clean").distance_name == "fid_clean"


def test_images_that_do_not_fit_are_refused():
    for images, message in [
        (IMAGES[:, :5], r"for \(6, 6, 3\)"),
        (IMAGES.astype(np.float32), "expected uint8"),
        (IMAGES[:0], "N > 0"),
        (IMAGES[0], "expected uint8"),
    ]:
        with pytest.raises(ValueError, match=message):
            net().features_and_logits(images)
    with pytest.raises(ValueError, match=r"of 32 images have shape \(32, 3\); expected \(32, 4\)"):
        net(num_features=4).features_and_logits(IMAGES)


def test_a_function_of_ones_own():
    def embed(images):
        return images.mean((1, 2)) / 255

    own = from_function(embed, (6, 6, 3))
    assert (own.distance_name, own.digest, own.num_features, own.num_classes) == ("fd_embed", "", 3, None)
    seen, logits = own.features_and_logits(IMAGES)
    np.testing.assert_allclose(seen, IMAGES.mean((1, 2)) / 255, rtol=1e-6)
    assert logits is None
    assert from_function(embed, (6, 6, 3), "mine").distance_name == "fd_mine"


def test_chunks_of_other_widths_are_refused():
    uneven = from_function(lambda images: np.zeros((len(images), 2 if len(images) > 5 else 3)), (6, 6, 3), "uneven")
    uneven = dataclasses.replace(uneven, chunk=33, num_features=2)
    with pytest.raises(ValueError, match=r"of 4 images have shape \(4, 3\); expected \(4, 2\)"):
        uneven.features_and_logits(IMAGES[:37])


def test_a_function_in_a_file(tmp_path):
    file = tmp_path / "own.py"
    file.write_text("def embed(images):\n    return images.mean((1, 2)) / 255\n\n\nnumber = 3\n")
    own = from_function(f"{file}:embed", (6, 6, 3))
    np.testing.assert_allclose(own.features_and_logits(IMAGES)[0], IMAGES.mean((1, 2)) / 255, rtol=1e-6)
    assert own.digest == from_function(f"{file}:embed", (6, 6, 3)).digest != ""
    file.write_text(file.read_text().replace("255", "127"))
    assert own.digest != from_function(f"{file}:embed", (6, 6, 3)).digest
    with pytest.raises(ValueError, match="no embde; add it"):
        from_function(f"{file}:embde", (6, 6, 3))
    with pytest.raises(ValueError, match=r"'number' is called with .*not a callable"):
        from_function(f"{file}:number", (6, 6, 3))


def test_mistakes_about_functions_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        from_function(f"{tmp_path}/own.py:embed", (6, 6, 3))
    with pytest.raises(ValueError, match=r"expected file\.py:NAME"):
        from_function("own:embed", (6, 6, 3))
    for wrong in (lambda x: x, lambda x: x.sum((1, 2)), lambda x: x[0, 0] / 2):
        with pytest.raises(ValueError, match=r"expected\s+float\[2, D\]"):
            from_function(wrong, (6, 6, 3))
