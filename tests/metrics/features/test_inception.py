"""The Inception network block by block, against forward passes written down as PyTorch's are: channels first, explicit
padding, batch norm apart. The whole network was compared with PyTorch's once, on random weights: equal to 5e-6.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from PIL import Image

from jaxgan.base import machine
from jaxgan.metrics.features import inception
from jaxgan.metrics.features.network import FeatureNet

# Parameters of Inception v3 without the auxiliary and the last layer, as torchvision counts them.
NUM_PARAMETERS = 21_785_568


@pytest.fixture(scope="module")
def tensors():
    """A state_dict of random weights."""
    rng = np.random.default_rng(0)
    out = {"fc.weight": rng.standard_normal((1008, 2048), np.float32), "fc.bias": np.zeros(1008, np.float32)}
    for path, shape in inception._shapes().items():
        unit, num = ".".join(path[:-2]), shape[-1]
        if path[-1] == "kernel" and unit:
            height, width, channels, _ = shape
            scale = np.float32((2 / (height * width * channels)) ** 0.5)
            out[f"{unit}.conv.weight"] = scale * rng.standard_normal((num, channels, height, width), np.float32)
            out[f"{unit}.bn.weight"] = rng.uniform(0.5, 1.5, num).astype(np.float32)
            out[f"{unit}.bn.bias"] = rng.standard_normal(num, np.float32)
            out[f"{unit}.bn.running_mean"] = rng.standard_normal(num, np.float32)
            out[f"{unit}.bn.running_var"] = rng.uniform(0.5, 2, num).astype(np.float32)
            out[f"{unit}.bn.num_batches_tracked"] = np.array(0)
    return out


@pytest.fixture(scope="module")
def params(tensors):
    return inception.from_torch(tensors)


class Torch:
    """The layers of one block, as the published code writes them."""

    def __init__(self, tensors, block):
        self.tensors, self.block = tensors, block

    def __call__(self, name, x, padding=(0, 0), stride=1):
        of = {kind: self.tensors[f"{self.block}.{name}.{kind}"].reshape(1, -1, 1, 1) for kind in (
            "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")}  # fmt: skip
        weight = self.tensors[f"{self.block}.{name}.conv.weight"]
        y = lax.conv_general_dilated(x, weight, (stride, stride), [(p, p) for p in padding])
        y = (y - of["bn.running_mean"]) / np.sqrt(of["bn.running_var"] + 0.001) * of["bn.weight"] + of["bn.bias"]
        return jnp.maximum(y, 0)


def pooled(x, kind, stride=1):
    """Pool 3x3; with stride 1 the padding of a mean does not count."""
    pads = ((0, 0), (0, 0), *(((1, 1),) * 2 if stride == 1 else ((0, 0),) * 2))
    window, strides = (1, 1, 3, 3), (1, 1, stride, stride)
    if kind == "max":
        return lax.reduce_window(x, -jnp.inf, lax.max, window, strides, pads)
    add = lambda y: lax.reduce_window(y, 0.0, lax.add, window, strides, pads)  # noqa: E731
    return add(x) / add(jnp.ones_like(x))


def block_a(t, x):
    five = t("branch5x5_2", t("branch5x5_1", x), (2, 2))
    three = t("branch3x3dbl_3", t("branch3x3dbl_2", t("branch3x3dbl_1", x), (1, 1)), (1, 1))
    return t("branch1x1", x), five, three, t("branch_pool", pooled(x, "mean"))


def block_b(t, x):
    three = t("branch3x3dbl_3", t("branch3x3dbl_2", t("branch3x3dbl_1", x), (1, 1)), stride=2)
    return t("branch3x3", x, stride=2), three, pooled(x, "max", 2)


def block_c(t, x):
    seven = t("branch7x7_3", t("branch7x7_2", t("branch7x7_1", x), (0, 3)), (3, 0))
    double = t("branch7x7dbl_1", x)
    for i, padding in enumerate([(3, 0), (0, 3), (3, 0), (0, 3)], 2):
        double = t(f"branch7x7dbl_{i}", double, padding)
    return t("branch1x1", x), seven, double, t("branch_pool", pooled(x, "mean"))


def block_d(t, x):
    seven = t("branch7x7x3_3", t("branch7x7x3_2", t("branch7x7x3_1", x), (0, 3)), (3, 0))
    three = t("branch3x3_2", t("branch3x3_1", x), stride=2)
    return three, t("branch7x7x3_4", seven, stride=2), pooled(x, "max", 2)


def block_e(kind):
    def block(t, x):
        three, double = t("branch3x3_1", x), t("branch3x3dbl_2", t("branch3x3dbl_1", x), (1, 1))
        return (
            t("branch1x1", x),
            t("branch3x3_2a", three, (0, 1)), t("branch3x3_2b", three, (1, 0)),
            t("branch3x3dbl_3a", double, (0, 1)), t("branch3x3dbl_3b", double, (1, 0)),
            t("branch_pool", pooled(x, kind)),
        )  # fmt: skip

    return block


BLOCKS = [
    ("Mixed_5b", block_a, 192), ("Mixed_5d", block_a, 288), ("Mixed_6a", block_b, 288), ("Mixed_6c", block_c, 768),
    ("Mixed_7a", block_d, 768), ("Mixed_7b", block_e("mean"), 1280), ("Mixed_7c", block_e("max"), 2048),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "theirs", "channels"), [BLOCKS[0], *(pytest.param(*block, marks=pytest.mark.long) for block in BLOCKS[1:])]
)
def test_blocks_are_the_published_ones(tensors, params, name, theirs, channels):
    x = np.random.default_rng(1).standard_normal((1, 7, 6, channels), np.float32)
    quick = machine.compiler_options(seldom=True)
    block = inception.Block(inception.BLOCKS[name])
    ours = jax.jit(block.apply, compiler_options=quick)({"params": params[name]}, x)
    published = jax.jit(lambda x: jnp.concatenate(theirs(Torch(tensors, name), x), 1), compiler_options=quick)
    expected = published(x.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    np.testing.assert_allclose(ours, expected, atol=2e-5 * np.abs(expected).max())


def test_the_network_has_the_published_size():
    shapes = inception._shapes()
    assert shapes["Mixed_7c", "branch_pool", "conv", "kernel"] == (1, 1, 2048, 192)
    counted = sum(np.prod(shape) for path, shape in shapes.items() if path[0] != "fc")
    norms = sum(shape[0] for path, shape in shapes.items() if path[-1] == "bias")  # the scales, folded into kernels
    assert counted + norms == NUM_PARAMETERS


def test_sizes_of_the_maps():
    """147 after the third convolution, then 35, 17 and 8."""
    pixels = jax.ShapeDtypeStruct((1, 299, 299, 3), np.float32)
    *_, sizes = jax.eval_shape(
        lambda x: inception.Inception().init_with_output(jax.random.key(0), x, capture_intermediates=True), pixels
    )
    seen = sizes["intermediates"]
    sides = [seen[name]["__call__"][0].shape[1] for name in ("Conv2d_2b_3x3", "Mixed_5d", "Mixed_6e", "Mixed_7c")]
    assert sides == [147, 35, 17, 8]


def test_a_file_makes_features(tensors, tmp_path, monkeypatch):
    """The file's way through, with the network replaced: its compilation would take half a minute."""
    np.savez(tmp_path / "x.npz", **tensors)
    seen = []

    def see(params, pixels):
        seen.append(pixels.shape)
        kernel = params["fc"]["kernel"]
        return pixels.mean((1, 2, 3))[:, None] + kernel[:, :1].T, pixels[:, 0, 0] @ kernel[:3]

    monkeypatch.setattr(inception, "_see", see)
    monkeypatch.setattr(inception, "CHUNK", 2)
    nets = {resize: inception.load_inception(tmp_path / "x.npz", resize=resize) for resize in inception.DISTANCES}
    assert all(isinstance(net, FeatureNet) for net in nets.values())
    assert [net.distance_name for net in nets.values()] == ["fid_clean", "fid_tf"]
    assert nets["clean"].digest != nets["tensorflow"].digest
    features, logits = nets["clean"].features_and_logits(np.full((3, 8, 9, 1), 77, np.uint8))
    assert seen == [(2, 299, 299, 3)]
    np.testing.assert_allclose(features[2], 77 + tensors["fc.weight"].T[:, 0], rtol=1e-4)
    assert logits.shape == (3, 1008)


def test_weights_that_do_not_fit_are_named(tensors, tmp_path):
    less = dict(tensors)
    del less["Mixed_6b.branch7x7_2.bn.bias"]
    with pytest.raises(ValueError, match=r"lack Mixed_6b\.branch7x7_2\.bn\.bias"):
        inception.from_torch(less)
    with pytest.raises(ValueError, match=r"fc\.weight has shape \(1000, 2048\); expected \(1008, 2048\)"):
        inception.from_torch({**tensors, "fc.weight": np.zeros((1000, 2048))})
    with pytest.raises(FileNotFoundError, match="no file"):
        inception.load_inception(tmp_path / "x.pth")
    with pytest.raises(ValueError, match=r"give the path of pt_inception"):
        inception.load_inception("")
    with pytest.raises(ValueError, match="resize is 'nearest'"):
        inception.load_inception(tmp_path / "x.pth", resize="nearest")


def test_clean_resizing_is_antialiased_and_not_rounded():
    images = np.random.default_rng(0).integers(64, 192, (2, 600, 50, 3), np.uint8)
    ours = inception.clean_resize(images)
    rounded = np.stack([np.asarray(Image.fromarray(x).resize((299, 299), Image.Resampling.BICUBIC)) for x in images])
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, rounded, atol=1.5)
    assert np.abs(ours - np.rint(ours)).max() > 0.4
    edge = inception.clean_resize(np.array([0, 255], np.uint8).repeat(4)[None, :, None, None].repeat(8, 2))
    assert (edge.min(), edge.max()) == (0, 255)  # overshoots are cut off


def test_tensorflows_resizing_is_half_a_pixel_off():
    """Output pixel i lies at i * size / 299 of the input, the last ones at its last pixel."""
    ramp = np.arange(4, dtype=np.uint8)[None, :, None, None] * np.ones((1, 1, 5, 1), np.uint8) * 50
    ours = inception.tensorflow_resize(ramp)
    assert ours.shape == (1, 299, 299, 3)
    expected = np.minimum(np.arange(299) * 4 / 299, 3) * 50
    np.testing.assert_allclose(ours[0, :, 7, 1], expected, rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(inception.tensorflow_resize(np.full((1, 8, 8, 3), 9, np.uint8)), 9)
