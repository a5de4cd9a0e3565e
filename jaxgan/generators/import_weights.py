"""Weights of generators that were trained with PyTorch or Keras."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from flax import traverse_util

from jaxgan import data as data_lib
from jaxgan import gans
from jaxgan.base.checks import UserError
from jaxgan.base.tensor_files import read_tensors
from jaxgan.base.types import Config, DataInfo
from jaxgan.generators.arrays import of_gan
from jaxgan.nets.layer_graph import network_rows
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.training.gan import example_inputs, generator_shapes

Layer = dict[str, np.ndarray]  # arrays of one layer, by the last part of their names
Map = tuple[int, int, int] | None  # H, W, C of the map that a dense layer makes, None where it makes none

# What a layer's arrays are called there, and here.
NAMES = {
    "weight": "kernel", "embeddings": "embedding", "embedding": "embedding", "kernel": "kernel", "bias": "bias",
    "gamma": "scale", "beta": "bias", "moving_mean": "mean", "moving_variance": "var",
    "running_mean": "mean", "running_var": "var",
}  # fmt: skip
COUNTERS = ("num_batches_tracked", "seed_generator_state", "seed")  # no weights


def import_weights(
    config: Config, path: str | Path, *, data: DataInfo | None = None, names: Mapping[str, str] | None = None
) -> GeneratorParams:
    """Read the weights of a generator of PyTorch or Keras that computes what one of ours does.

    Also those that `jaxgan.export` wrote to .safetensors without a run, as after a training loop of one's own.

    Layers are matched in the order in which ours are used, which has to be that of the file: that of definition. Maps
    are NHWC here and NCHW in PyTorch, and both frameworks turn the kernels of transposed convolutions round; that is
    seen to. A bias that theirs has not is 0. A transposed convolution of a 1x1 map may stand for a dense layer.

    Args:
      config: of the GAN, such as `configs/dcgan.py` makes it; `config.model` has its sizes.
      path: .pth or .pt of `torch.save(net.state_dict(), path)`; .npz of a state dict, or of Keras by
        `numpy.savez(path, **{w.path: w.numpy() for w in model.weights})`; or .safetensors, which have no order: their
        layers are taken in the order of their names, numbers in them counted as such.
      data: of the images it draws; None asks what `config.data` names.
      names: for layers that are in another order, {our layer: their layer}, such as {"Dense_0": "fc1"}.

    Returns:
      The generator, for `jaxgan.sample`.

    Raises:
      UserError: a file that cannot be read, other layers, or other shapes.
    """
    gan = gans.build(config, data or data_lib.describe(config.data))
    with gans.explained(config):
        expected: dict[str, Any] = traverse_util.flatten_dict(generator_shapes(gan), sep="/")
        rows = network_rows(gan.generator, example_inputs(gan)[0])
    ours = [row.name for row in rows if any(key.startswith(f"params/{row.name}/") for key in expected)]
    tensors = read_tensors(Path(path))
    if any(name.startswith("params/") for name in tensors):  # of `jaxgan.export`, such as after a loop of one's own
        return of_gan(gan, config, tensors, path)
    if Path(path).suffix == ".safetensors":
        tensors = dict(sorted(tensors.items(), key=_naturally))
    theirs = layers_of(tensors)
    maps = {row.name: _map_after(row.name, ours, expected, {r.name: r.shape for r in rows}) for row in rows}
    arrays = {}
    for name, (their_name, layer) in _matched(ours, theirs, names or {}, path).items():
        made = convert(name, layer, maps[name], is_torch="kernel" not in layer and "embeddings" not in layer)
        homes = f"params/{name}", f"batch_stats/{name}"
        for key, shape in [(key, x) for key, x in expected.items() if key.rpartition("/")[0] in homes]:
            leaf = key.rpartition("/")[2]
            value = made.get(leaf, np.zeros(shape.shape) if leaf == "bias" else None)
            if value is None or value.shape != shape.shape:
                found = "nothing" if value is None else str(list(value.shape))
                raise UserError(
                    f"{their_name} of {path} gives {found} for {key} of {config.gan!r}, which is {list(shape.shape)}; "
                    "set config.model to the sizes it was trained with, or say by `names` which layer is which."
                )
            arrays[key] = np.asarray(value, shape.dtype)
    return of_gan(gan, config, arrays, path)


def _naturally(item: tuple[str, Any]) -> list[Any]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", item[0])]


def layers_of(tensors: Mapping[str, np.ndarray]) -> dict[str, Layer]:
    """Join the arrays of each layer, in the order of the file."""
    layers: dict[str, Layer] = {}
    for path, array in tensors.items():
        owner, _, name = path.replace("/", ".").rpartition(".")
        if name not in COUNTERS:
            layers.setdefault(owner, {})[name] = np.asarray(array)
    return layers


def _matched(
    ours: list[str], theirs: dict[str, Layer], names: Mapping[str, str], path: str | Path
) -> dict[str, tuple[str, Layer]]:
    """Return, for each of our layers, the name and the arrays of theirs."""
    unknown = [name for name in names if name not in ours] + [name for name in names.values() if name not in theirs]
    if unknown:
        raise UserError(
            f"`names` holds {unknown[0]!r}; our layers are {', '.join(ours)}, those of {path} {', '.join(theirs)}."
        )
    rest = iter(name for name in theirs if name not in names.values())
    pairs = {name: names[name] if name in names else next(rest, "") for name in ours}
    left = [*rest]
    if "" in pairs.values() or left:
        raise UserError(
            f"{path} has {len(theirs)} layers ({', '.join(theirs)}), but the generator has {len(ours)} "
            f"({', '.join(ours)}); they must be the same."
        )
    return {name: (their_name, theirs[their_name]) for name, their_name in pairs.items()}


def _map_after(name: str, ours: list[str], expected: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Map:
    """Return the shape of the map that a dense layer makes: its channels are those that the next layer takes."""
    at = ours.index(name) if name in ours else len(ours)
    if not name.rpartition("/")[2].startswith("Dense") or at + 1 >= len(ours):
        return None
    (features,), following = shapes[name], ours[at + 1]
    kernel = expected.get(f"params/{following}/kernel")
    channels = kernel.shape[2] if kernel is not None and kernel.ndim == 4 else shapes[following][-1]
    side = math.isqrt(features // channels)
    return (side, side, channels) if len(shapes[following]) == 3 and side * side * channels == features else None


def convert(name: str, layer: Layer, shape: Map, *, is_torch: bool) -> Layer:
    """Return the arrays of one layer as ours has them, {'kernel', 'bias', 'scale', 'mean', 'var', 'embedding'}."""
    made = {NAMES.get(key, key): array for key, array in layer.items()}
    kind = name.rpartition("/")[2].rpartition("_")[0]
    if kind == "BatchNorm" and "kernel" in made:  # PyTorch calls the scale of a norm a weight
        made["scale"] = made.pop("kernel")
    elif kind == "Embed" and "kernel" in made:
        made["embedding"] = made.pop("kernel")
    elif "kernel" in made:
        made["kernel"] = _KERNELS[is_torch].get(kind, _same)(made["kernel"])
    if kind == "Dense" and is_torch and shape is not None and made["kernel"].shape[-1] == math.prod(shape):
        height, width, channels = shape
        order = np.arange(math.prod(shape)).reshape(channels, height, width).transpose(1, 2, 0).ravel()
        made = {key: array[..., order] for key, array in made.items()}
    return made


def _same(kernel: np.ndarray) -> np.ndarray:
    return kernel


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
