"""Variables of a jaxgan network in the layout of its PyTorch twin."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

# Which names of ours a layer of PyTorch can have, in the order in which networks use them.
KINDS = {
    nn.Conv2d: ("UpsampleConv", "Conv"),
    nn.ConvTranspose2d: ("ConvTranspose",),
    nn.BatchNorm2d: ("BatchNorm",),
    nn.Linear: ("Dense",),
    nn.Embedding: ("Embed",),
}


def export(variables: Mapping[str, Any], net: nn.Module, *, mirrored: bool) -> dict[str, np.ndarray]:
    """Lay out {'params', 'batch_stats'} of one of our networks as the state dict of its twin, without counters.

    Layers of a kind come in the same order in both, or have the same name. A mirrored twin makes and reads images
    turned by 180 degrees.
    """
    params, stats = dict(variables["params"]), variables.get("batch_stats", {})
    out: dict[str, np.ndarray] = {}
    for path, layer in net.named_modules():
        kinds = KINDS.get(type(layer))
        if kinds is None:
            continue
        name = path if path in params else _next(params, kinds)
        arrays = {key: np.asarray(value) for key, value in {**params.pop(name), **stats.get(name, {})}.items()}
        converted = _layer(layer, arrays, getattr(net, "map_shape", None), mirrored)
        out |= {f"{path}.{key}": value for key, value in converted.items()}
    if params:
        raise ValueError(f"{', '.join(params)} of ours have no twin.")
    return out


def _next(params: Mapping[str, Any], kinds: tuple[str, ...]) -> str:
    """Return the first layer left of these kinds."""
    for kind in kinds:
        numbers = sorted(int(name.rsplit("_", 1)[1]) for name in params if re.fullmatch(rf"{kind}_\d+", name))
        if numbers:
            return f"{kind}_{numbers[0]}"
    raise ValueError(f"The twin has more layers of kind {kinds[-1]} than ours.")


def _layer(
    layer: nn.Module, arrays: dict[str, np.ndarray], map_shape: tuple[int, int, int] | None, mirrored: bool
) -> dict[str, np.ndarray]:
    if isinstance(layer, nn.BatchNorm2d):
        names = {"weight": "scale", "bias": "bias", "running_mean": "mean", "running_var": "var"}
        return {theirs: arrays[ours] for theirs, ours in names.items()}
    if isinstance(layer, nn.Embedding):
        return {"weight": arrays["embedding"]}
    if isinstance(layer, nn.Linear):
        return _dense(arrays["kernel"].T, arrays["bias"], map_shape, mirrored)
    kernel = arrays.pop("kernel")
    # PyTorch's transposed convolution is the gradient of a convolution, which turns the kernel round.
    if mirrored != isinstance(layer, nn.ConvTranspose2d):
        kernel = kernel[::-1, ::-1]
    order = (2, 3, 0, 1) if isinstance(layer, nn.ConvTranspose2d) else (3, 2, 0, 1)
    return {"weight": kernel.transpose(order), **arrays}


def _dense(
    weight: np.ndarray, bias: np.ndarray, map_shape: tuple[int, int, int] | None, mirrored: bool
) -> dict[str, np.ndarray]:
    """Turn the axis of a dense layer that belongs to a map from (H, W, C) to (C, H, W)."""
    if map_shape is not None:
        order = np.arange(np.prod(map_shape)).reshape(map_shape)
        order = (order[::-1, ::-1] if mirrored else order).transpose(2, 0, 1).ravel()
        if weight.shape[0] == len(order):
            weight, bias = weight[order], bias[order]
        elif weight.shape[1] == len(order):
            weight = weight[:, order]
    return {"weight": weight, "bias": bias}
