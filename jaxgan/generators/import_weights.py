"""Weights of generators that were trained with PyTorch or Keras."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from flax import traverse_util

from jaxgan import data as data_lib, gans
from jaxgan.base import checks
from jaxgan.base.checks import UserError
from jaxgan.base.tensor_files import read_tensors
from jaxgan.base.terminal import say
from jaxgan.base.types import Config, DataInfo
from jaxgan.generators.arrays import of_gan
from jaxgan.generators.their_layers import Layer, Map, convert, layers_of
from jaxgan.nets.conv import PADDINGS, ConvTranspose
from jaxgan.nets.layer_graph import Call, first_calls
from jaxgan.nets.norm import BatchNorm
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import GeneratorParams
from jaxgan.training.gan import example_inputs, generator_shapes

EPSILONS = {"running_var": 1e-5, "moving_variance": 1e-3}  # what PyTorch and Keras add to variances, if not asked
MISSING = {"bias": 0.0, "scale": 1.0}  # what stands for arrays that a layer of theirs has not
TOLERANCE = 1e-3  # between images in [-1, 1] of two frameworks
WHOLE = ""  # what `first_calls` names the generator itself


def import_weights(
    config: Config,
    path: str | Path,
    *,
    data: DataInfo | None = None,
    names: Mapping[str, str] | None = None,
    entry: str | None = None,
    epsilon: float | None = None,
    padding: str | None = None,
    compare: Sequence[np.ndarray] | None = None,
) -> GeneratorParams:
    """Read the weights of a generator of PyTorch or Keras that computes what one of ours does.

    Also those that `jaxgan.export` wrote to .safetensors without a run, as after your own training loop.

    Layers are matched in the order in which ours are used. The file must have that order: the order of definition. Maps
    are NHWC here and NCHW in PyTorch, also where a dense layer makes them. Both frameworks mirror the kernels of
    transposed convolutions. Both are handled.
    A missing bias is 0, a missing scale of a norm 1. A bias before a batch norm is subtracted from its mean.
    Weight norm and spectral norm of PyTorch are multiplied out. A transposed convolution of a 1x1 map may stand for a
    dense layer.

    Args:
      config: of the GAN, such as `configs/dcgan.py` makes it; `config.model` has its sizes.
      path: .pth or .pt of `torch.save(net.state_dict(), path)`; .npz of a state dict, or of Keras by
        `numpy.savez(path, **{w.path: w.numpy() for w in model.weights})`; or .safetensors. The latter have no order:
        names are sorted, numbers in them as numbers.
      data: of the images it draws; None asks what `config.data` names.
      names: for layers that are in another order, {our layer: their layer}, such as {"Dense_0": "fc1"}.
      entry: key of the state dict in a .pth file that holds several, such as 'netG'.
      epsilon: what their batch norms add to variances; None for 1e-5 (PyTorch) or 1e-3 (Keras). Where ours add another
        number, the variances make up for it, which is reported.
      padding: 'TORCH' or 'SAME', borders of transposed convolutions: replaces config.model.g_padding. Required for
        PyTorch where the two differ, see `ConvTranspose`.
      compare: images of theirs to check ours against: (z, images), or (z, labels, images) of a conditional GAN. Images
        are [N, H, W, C] or [N, C, H, W], as the network returns them.

    Returns:
      The generator, for `jaxgan.sample`.

    Raises:
      UserError: a file that cannot be read, other layers, other shapes, arrays that have no place, an order or a
        padding that is not known, or other images than in `compare`.
    """
    if padding is not None:
        checks.one_of("padding", padding, PADDINGS)
    has_choice = "g_padding" in config.model
    if padding is not None and has_choice:
        config = copy.deepcopy(config)
        config.model.g_padding = padding
    gan = gans.build(config, data or data_lib.describe(config.data))
    with gans.explained(config):
        expected: dict[str, Any] = traverse_util.flatten_dict(generator_shapes(gan), sep="/")
        calls = first_calls(gan.generator, example_inputs(gan)[0])
    tensors = read_tensors(Path(path), entry)
    if any(name.startswith("params/") for name in tensors):  # of `jaxgan.export`, such as after your own loop
        params = of_gan(gan, config, tensors, path)
    else:
        ours = [name for name in calls if name and any(x.startswith(f"params/{name}/") for x in expected)]
        theirs = layers_of(dict(sorted(tensors.items(), key=_naturally)) if _unordered(path) else tensors)
        if _unordered(path):
            _check_order(theirs, names or {}, path)
        matched = _matched(ours, theirs, names or {}, path)
        if padding is None or (padding == "TORCH" and not has_choice):
            _check_padding(calls, matched, path, "padding" if has_choice else "the ConvTranspose in its file padding")
        arrays = _joined(config, path, expected, calls, matched, epsilon)
        params = of_gan(gan, config, arrays, path)
    if compare is not None:
        _check_images(params, compare, path)
    return params


def _unordered(path: str | Path) -> bool:
    return Path(path).suffix == ".safetensors"


def _naturally(item: tuple[str, Any]) -> list[Any]:
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", item[0])]


def _check_order(theirs: dict[str, Layer], names: Mapping[str, str], path: str | Path) -> None:
    """Raise UserError where layers could be swapped: of equal shapes, and named by more than numbers."""
    alike: dict[tuple[int, ...], list[str]] = {}
    for name in theirs.keys() - set(names.values()):
        alike.setdefault(max(theirs[name].values(), key=np.size).shape, []).append(name)
    for shape, group in alike.items():
        if len({re.sub(r"\d+", "0", name) for name in group}) > 1:
            raise UserError(
                f"{path} does not keep the order of layers, and {', '.join(sorted(group))} all have the shape "
                f"{list(shape)}; say by `names` which layer is which, or give a .pth file."
            )


def _check_padding(
    calls: dict[str, Call], matched: dict[str, tuple[str, Layer]], path: str | Path, choice: str
) -> None:
    """Raise UserError where PyTorch's transposed convolutions have other borders than ours; `choice` sets ours."""
    for name, (their_name, arrays) in matched.items():
        layer = calls[name].layer
        if not isinstance(layer, ConvTranspose) or layer.padding != "SAME" or "kernel" in arrays:
            continue
        differences = np.subtract(layer.kernel_size, layer.strides)
        if (differences % 2).any():
            raise UserError(
                f"{their_name} of {path} is a transposed convolution of PyTorch, whose borders are not "
                f"those of {name}; give {choice}='TORCH' for ConvTranspose2d(k, s, padding=ceil((k - s) / 2), "
                "output_padding=1), or padding='SAME' if it pads by one less and cuts the last row and column."
            )


def _matched(
    ours: list[str], theirs: dict[str, Layer], names: Mapping[str, str], path: str | Path
) -> dict[str, tuple[str, Layer]]:
    """Return, for each of our layers, the name and the arrays of theirs."""
    unknown = [name for name in names if name not in ours] + [name for name in names.values() if name not in theirs]
    if unknown:
        raise UserError(f"`names` has {unknown[0]!r}; ours are {', '.join(ours)}, those of {path} {', '.join(theirs)}.")
    rest = iter(name for name in theirs if name not in names.values())
    pairs = {name: names[name] if name in names else next(rest, "") for name in ours}
    left = [*rest]
    if "" in pairs.values() or left:
        raise UserError(
            f"{path} has {len(theirs)} layers ({', '.join(theirs)}), but the generator has {len(ours)} "
            f"({', '.join(ours)}); they must be the same."
        )
    return {name: (their_name, theirs[their_name]) for name, their_name in pairs.items()}


def _joined(
    config: Config,
    path: str | Path,
    expected: Mapping[str, Any],
    calls: dict[str, Call],
    matched: dict[str, tuple[str, Layer]],
    epsilon: float | None,
) -> dict[str, np.ndarray]:
    """Return our arrays, made of theirs."""
    arrays: dict[str, np.ndarray] = {}
    left: dict[str, np.ndarray] = {}  # biases that our layers have not
    others: set[tuple[float, float]] = set()
    for name, (their_name, layer) in matched.items():
        made = convert(type(calls[name].layer).__name__, layer, _map_of(name, [*matched], calls))
        if "var" in made:
            given = next(EPSILONS[key] for key in EPSILONS if key in layer) if epsilon is None else epsilon
            own = getattr(calls[name].layer, "epsilon", given)
            made["var"] = made["var"].astype(np.float64) + (given - own)
            others |= {(given, own)} - {(own, own)}
        homes = f"params/{name}", f"batch_stats/{name}"
        for key, shape in [(key, x) for key, x in expected.items() if key.rpartition("/")[0] in homes]:
            leaf = key.rpartition("/")[2]
            default = np.full(shape.shape, MISSING[leaf]) if leaf in MISSING else None
            value = made.pop(leaf, default)
            if value is None or value.shape != shape.shape:
                found = "nothing" if value is None else str(list(value.shape))
                raise UserError(
                    f"{their_name} of {path} gives {found} for {key} of {config.gan!r}, which is {list(shape.shape)}; "
                    "set config.model to the sizes it was trained with, or say by `names` which layer is which."
                )
            arrays[key] = value
        left |= {f"{name}/{leaf}": array for leaf, array in made.items()}
    for where, array in left.items():
        name, _, leaf = where.rpartition("/")
        if leaf != "bias" or not _fold(name, array, arrays, calls):
            raise UserError(
                f"{matched[name][0]} of {path} has a {leaf} of {list(array.shape)} that {name} of {config.gan!r} has "
                "not; the network computes something else, so give a configuration whose network is the same."
            )
    for given, own in sorted(others):
        say(f"batch norms in {path} add {given:g} to variances, ours {own:g}; variances were changed to make up for it")
    return {key: np.asarray(value, expected[key].dtype) for key, value in arrays.items()}


def _fold(name: str, bias: np.ndarray, arrays: dict[str, np.ndarray], calls: dict[str, Call]) -> bool:
    """Subtract the bias of a layer from the mean of the batch norm right after it, if there is one."""
    made = np.asarray(calls[name].returned).ravel()
    for after, call in calls.items():
        mean = f"batch_stats/{after}/mean"
        if mean in arrays and np.array_equal(np.asarray(call.taken).ravel(), made):
            rows = bias.reshape(-1, len(arrays[mean])).astype(np.float64)
            arrays[mean] = arrays[mean] - rows[0]
            return bool((rows == rows[0]).all())
    return False


def _map_of(name: str, ours: Sequence[str], calls: dict[str, Call]) -> Map:
    """Return the shape of the map, or of the images, that a layer's numbers become; None where they become neither.

    Norms leave a vector in its order. So the layer that takes the map may come after them.
    """
    made = calls[name].returned
    if made.ndim != 2:
        return None
    for following in [*ours[ours.index(name) + 1 :], WHOLE]:
        call = calls[following]
        shape = (call.returned if following == WHOLE else call.taken).shape[1:]
        if len(shape) == 3:
            return shape if math.prod(shape) == made.shape[-1] else None
        if not isinstance(call.layer, BatchNorm):
            return None
    return None


def _check_images(params: GeneratorParams, compare: Sequence[np.ndarray], path: str | Path) -> None:
    """Raise UserError unless the generator makes given images of given latents."""
    *given, theirs = compare
    ours = np.asarray(sampler.generate(params, *map(jnp.asarray, given)))
    low, high = params.image_range
    theirs = (np.asarray(theirs, np.float32) - low) * (2 / (high - low)) - 1
    if theirs.shape != ours.shape and theirs.ndim == 4:
        theirs = theirs.transpose(0, 2, 3, 1)
    if theirs.shape != ours.shape:
        raise UserError(f"the images to compare with have shape {list(theirs.shape)}, ours {list(ours.shape)}.")
    most = float(np.abs(ours - theirs).max())
    if not most <= TOLERANCE:
        raise UserError(
            f"the generator of {path} makes other images here: they differ by {most:.2g} in a range of 2; check the "
            "order of layers, `padding`, `epsilon`, and activations."
        )
