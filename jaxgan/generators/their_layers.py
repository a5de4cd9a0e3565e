"""Layers of PyTorch and Keras: their arrays, as those of our layers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

import numpy as np

Layer = dict[str, np.ndarray]  # arrays of one layer, by the last part of their names
Map = tuple[int, int, int] | None  # H, W, C of the map that the numbers of a layer become, None where they become none

# What a layer's arrays are called there, and here.
NAMES = {
    "weight": "kernel", "embeddings": "embedding", "embedding": "embedding", "kernel": "kernel", "bias": "bias",
    "gamma": "scale", "beta": "bias", "moving_mean": "mean", "moving_variance": "var",
    "running_mean": "mean", "running_var": "var",
}  # fmt: skip
KERAS = {"kernel", "embeddings", "gamma", "beta", "moving_mean"}  # names that PyTorch has not
COUNTERS = ("num_batches_tracked", "n_averaged", "seed_generator_state", "seed")  # no weights
# What PyTorch's parametrizations call the arrays that its older norms of weights named by the second text.
PARAMETRIZED = {
    r"parametrizations\.(\w+)\.original0$": r"\1_g",
    r"parametrizations\.(\w+)\.original1$": r"\1_v",
    r"parametrizations\.(\w+)\.original$": r"\1_orig",
    r"parametrizations\.(\w+)\.0\._([uv])$": r"\1_\2",
}


def layers_of(tensors: Mapping[str, np.ndarray]) -> dict[str, Layer]:
    """Join the arrays of each layer, in the order of the file."""
    layers: dict[str, Layer] = {}
    for path, array in tensors.items():
        dotted = path.replace("/", ".")
        for pattern, old in PARAMETRIZED.items():
            dotted = re.sub(pattern, old, dotted)
        owner, _, name = dotted.rpartition(".")
        if name not in COUNTERS:
            layers.setdefault(owner, {})[name] = np.asarray(array)
    return layers


def convert(kind: str, layer: Layer, shape: Map) -> Layer:
    """Return the arrays of one layer as ours has them, {'kernel', 'bias', 'scale', 'mean', 'var', 'embedding'}.

    Args:
      kind: the class of our layer.
      layer: arrays by the last part of their names.
      shape: of the map that the numbers of a layer become.
    """
    is_torch = not KERAS & layer.keys()
    layer = _multiplied(layer, transposed=kind in ("ConvTranspose", "Dense"))
    made = {NAMES.get(key, key): array for key, array in layer.items()}
    if "kernel" in made and made["kernel"].ndim == 1:  # PyTorch calls the scale of a norm a weight
        made["scale"] = made.pop("kernel")
    elif kind == "Embed" and "kernel" in made:
        made["embedding"] = made.pop("kernel")
    elif "kernel" in made:
        made["kernel"] = _KERNELS[is_torch].get(kind, np.asarray)(made["kernel"])
    if is_torch and shape is not None:
        height, width, channels = shape
        if len(made.get("bias", ())) == channels:  # of a transposed convolution of a 1x1 map
            made["bias"] = made["bias"].repeat(height * width)
        order = np.arange(math.prod(shape)).reshape(channels, height, width).transpose(1, 2, 0).ravel()
        made = {key: array[..., order] if array.shape[-1:] == order.shape else array for key, array in made.items()}
    return made


def _multiplied(layer: Layer, *, transposed: bool) -> Layer:
    """Return a layer of PyTorch whose weight norm, g v / |v|, or spectral norm, W / (u W v), is multiplied out."""
    rest = {key: array for key, array in layer.items() if not key.startswith("weight_")}
    if {"weight_g", "weight_v"} <= layer.keys():
        g, v = layer["weight_g"].astype(np.float64), layer["weight_v"].astype(np.float64)
        axes = tuple(axis for axis in range(v.ndim) if g.ndim == 0 or g.shape[axis] == 1)
        return {"weight": g * v / np.sqrt(np.square(v).sum(axes, keepdims=True)), **rest}
    if {"weight_orig", "weight_u", "weight_v"} <= layer.keys():
        kernel = layer["weight_orig"].astype(np.float64)
        rows = np.moveaxis(kernel, 1, 0) if transposed and kernel.ndim == 4 else kernel
        sigma = layer["weight_u"] @ rows.reshape(len(rows), -1) @ layer["weight_v"]
        return {"weight": kernel / sigma, **rest}
    return layer


def _dense(kernel: np.ndarray) -> np.ndarray:
    # A transposed convolution [I, O, k, k] of a 1x1 map makes each pixel by a product of its own.
    return kernel.reshape(len(kernel), -1) if kernel.ndim == 4 else kernel.T


_KERNELS: dict[bool, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    True: {
        "Dense": _dense,
        "Conv": lambda kernel: kernel.transpose(2, 3, 1, 0),
        "UpsampleConv": lambda kernel: kernel.transpose(2, 3, 1, 0),
        "ConvTranspose": lambda kernel: kernel[:, :, ::-1, ::-1].transpose(2, 3, 0, 1),
    },
    False: {"ConvTranspose": lambda kernel: kernel[::-1, ::-1].swapaxes(2, 3)},
}
