"""The Inception network of 2015, whose features the published FID, KID and Inception score are made of.

Its weights (92 MB) do not come with the package: give the file that pytorch-fid or torch-fidelity publish.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import traverse_util
from PIL import Image

from jaxgan.base import checks, digests
from jaxgan.base.checks import UserError
from jaxgan.base.tensor_files import read_tensors
from jaxgan.base.types import Array, PyTree
from jaxgan.metrics.features.network import FeatureNet, compiled
from jaxgan.nets.conv import Conv

NUM_FEATURES = 2048
NUM_CLASSES = 1008
SIZE = 299
CHUNK = 32
EPSILON = 1e-3  # of batch norm
_NORM = ("weight", "bias", "running_mean", "running_var")
DISTANCES = {"clean": "fid_clean", "tensorflow": "fid_tf"}  # of each way to resize
FILE = "pt_inception-2015-12-05-6726825d.pth"

# A step of a branch: a convolution (name, features, kernel) or (name, features, kernel, stride), a tuple of
# convolutions side by side, or the name of a pooling. A branch is a tuple of steps, a block a tuple of branches.
Step = tuple | str
Branch = tuple[Step, ...]


def _block_a(pooled: int) -> tuple[Branch, ...]:
    return (
        (("branch1x1", 64, 1),),
        (("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)),
        (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3)),
        ("mean", ("branch_pool", pooled, 1)),
    )


_BLOCK_B: tuple[Branch, ...] = (
    (("branch3x3", 384, 3, 2),),
    (("branch3x3dbl_1", 64, 1), ("branch3x3dbl_2", 96, 3), ("branch3x3dbl_3", 96, 3, 2)),
    ("max, stride 2",),
)


def _block_c(c: int) -> tuple[Branch, ...]:
    return (
        (("branch1x1", 192, 1),),
        (("branch7x7_1", c, 1), ("branch7x7_2", c, (1, 7)), ("branch7x7_3", 192, (7, 1))),
        (
            ("branch7x7dbl_1", c, 1), ("branch7x7dbl_2", c, (7, 1)), ("branch7x7dbl_3", c, (1, 7)),
            ("branch7x7dbl_4", c, (7, 1)), ("branch7x7dbl_5", 192, (1, 7)),
        ),
        ("mean", ("branch_pool", 192, 1)),
    )  # fmt: skip


_BLOCK_D: tuple[Branch, ...] = (
    (("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3, 2)),
    (
        ("branch7x7x3_1", 192, 1), ("branch7x7x3_2", 192, (1, 7)), ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, 3, 2),
    ),
    ("max, stride 2",),
)  # fmt: skip


def _block_e(pool: str) -> tuple[Branch, ...]:
    return (
        (("branch1x1", 320, 1),),
        (("branch3x3_1", 384, 1), (("branch3x3_2a", 384, (1, 3)), ("branch3x3_2b", 384, (3, 1)))),
        (
            ("branch3x3dbl_1", 448, 1), ("branch3x3dbl_2", 384, 3),
            (("branch3x3dbl_3a", 384, (1, 3)), ("branch3x3dbl_3b", 384, (3, 1))),
        ),
        (pool, ("branch_pool", 192, 1)),
    )  # fmt: skip


# The last block takes maxima where the paper has means, a slip that the published weights were trained with.
BLOCKS = {
    "Mixed_5b": _block_a(32), "Mixed_5c": _block_a(64), "Mixed_5d": _block_a(64),
    "Mixed_6a": _BLOCK_B,
    "Mixed_6b": _block_c(128), "Mixed_6c": _block_c(160), "Mixed_6d": _block_c(160), "Mixed_6e": _block_c(192),
    "Mixed_7a": _BLOCK_D,
    "Mixed_7b": _block_e("mean"), "Mixed_7c": _block_e("max"),
}  # fmt: skip


class Unit(nn.Module):
    """Convolution, batch norm and ReLU, the norm being part of the convolution's parameters."""

    features: int
    kernel: int | tuple[int, int]
    stride: int = 1
    padding: str = "SAME"

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to [B, H', W', F]."""
        padding = "VALID" if self.stride > 1 else self.padding
        return nn.relu(Conv(self.features, self.kernel, self.stride, padding, name="conv")(x))


class Block(nn.Module):
    """Branches side by side, concatenated."""

    branches: tuple[Branch, ...]

    @nn.compact
    def __call__(self, x: Array) -> Array:
        """Map [B, H, W, C] to [B, H', W', F]."""
        outputs = []
        for branch in self.branches:
            y = x
            for step in branch:
                y = self._step(step, y)
            outputs.append(y)
        return jnp.concatenate(outputs, -1)

    def _step(self, step: Step, x: Array) -> Array:
        if isinstance(step[0], tuple):
            return jnp.concatenate([self._step(part, x) for part in step], -1)
        if isinstance(step, tuple):
            name, *shape = step
            return Unit(*shape, name=name)(x)
        if step == "mean":
            return nn.avg_pool(x, (3, 3), (1, 1), "SAME", count_include_pad=False)
        return nn.max_pool(x, (3, 3), *(((2, 2), "VALID") if step == "max, stride 2" else ((1, 1), "SAME")))


class Inception(nn.Module):
    """Inception v3 as trained at Google in December 2015, with 1,008 classes.

    References:
      Szegedy, Vanhoucke, Ioffe, Shlens and Wojna, "Rethinking the Inception Architecture for Computer Vision", 2016.
    """

    @nn.compact
    def __call__(self, x: Array) -> tuple[Array, Array]:
        """Return features float32[B, 2048] and logits float32[B, 1008] of float32[B, 299, 299, 3] in -1..1.

        The logits leave the bias out, as every published Inception score does.
        """
        x = Unit(32, 3, 2, name="Conv2d_1a_3x3")(x)
        x = Unit(32, 3, padding="VALID", name="Conv2d_2a_3x3")(x)
        x = Unit(64, 3, name="Conv2d_2b_3x3")(x)
        x = nn.max_pool(x, (3, 3), (2, 2))
        x = Unit(80, 1, name="Conv2d_3b_1x1")(x)
        x = Unit(192, 3, padding="VALID", name="Conv2d_4a_3x3")(x)
        x = nn.max_pool(x, (3, 3), (2, 2))
        for name, branches in BLOCKS.items():
            x = Block(branches, name=name)(x)
        features = x.mean((1, 2))
        return features, nn.Dense(NUM_CLASSES, use_bias=False, name="fc")(features)


def load_inception(path: str | os.PathLike[str], *, resize: str = "clean") -> FeatureNet:
    """Return the features behind `fid_clean` or `fid_tf`, from a local file of weights.

    Args:
      path: a state_dict as pytorch-fid and torch-fidelity publish it, as .pth, .npz or .safetensors.
      resize: how images come to 299x299. 'clean': bicubic, antialiased, as clean-fid 0.1.35; 'tensorflow': bilinear
        without antialiasing and half a pixel off, as TTUR, the first FID, and torch-fidelity 0.4. Figures of the two do
        not compare, and torchmetrics 1.9 equals neither.

    Raises:
      FileNotFoundError: no such file.
      ValueError: the file lacks a weight, or has one of another shape; an unknown `resize`.

    References:
      Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017. Parmar, Zhang and Zhu, "On Aliased Resizing
      and Surprising Subtleties in GAN Evaluation", 2022.
    """
    checks.one_of("resize", resize, DISTANCES)
    if not path:
        raise UserError(f"the standard FID needs weights that do not come with jaxgan; give the path of {FILE}.")
    params = from_torch(read_tensors(path))
    digest = digests.array_digest(resize, *(value for _, value in sorted(traverse_util.flatten_dict(params).items())))
    network = compiled(_see, params, CHUNK)
    enlarge = clean_resize if resize == "clean" else tensorflow_resize
    about = f"{NUM_FEATURES} features of the Inception network in {Path(path).name}, images resized as {resize}"
    see = lambda images: network(enlarge(images))  # noqa: E731
    return FeatureNet("inception", digest, NUM_FEATURES, NUM_CLASSES, None, about, see, CHUNK, DISTANCES[resize])


def _see(params: PyTree, pixels: Array) -> tuple[Array, Array]:
    outputs: Any = Inception().apply({"params": params}, (pixels - 128) / 128)
    return outputs


def from_torch(tensors: Mapping[str, np.ndarray]) -> PyTree:
    """Turn a state_dict of PyTorch into parameters of `Inception`, each batch norm into the convolution before it.

    Raises:
      ValueError: a weight is missing or has another shape.
    """
    flat = {}
    for path, shape in _shapes().items():
        if path == ("fc", "kernel"):
            flat[path] = _get(tensors, "fc.weight", shape[::-1]).T
        elif path[-1] == "kernel":
            unit, num = ".".join(path[:-2]), shape[-1]
            weight = _get(tensors, f"{unit}.conv.weight", (num, shape[2], *shape[:2]))
            norm = {name: _get(tensors, f"{unit}.bn.{name}", (num,)) for name in _NORM}
            gain = norm["weight"] / np.sqrt(norm["running_var"] + EPSILON)
            flat[path] = weight.transpose(2, 3, 1, 0) * gain
            flat[(*path[:-1], "bias")] = norm["bias"] - norm["running_mean"] * gain
    return traverse_util.unflatten_dict(flat)


@functools.cache
def _shapes() -> dict[tuple[str, ...], tuple[int, ...]]:
    """Return the shape of each parameter by its path."""
    pixels = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    variables: Any = jax.eval_shape(Inception().init, jax.random.key(0), pixels)
    flat: dict[tuple[str, ...], Any] = traverse_util.flatten_dict(variables["params"])
    return {path: leaf.shape for path, leaf in flat.items()}


def _get(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    if name not in tensors:
        raise UserError(f"the Inception weights lack {name}; expected the layout of {FILE}.")
    if tensors[name].shape != shape:
        raise UserError(f"the Inception weight {name} has shape {tensors[name].shape}; expected {shape}.")
    return np.asarray(tensors[name], np.float32)


def clean_resize(images: np.ndarray) -> np.ndarray:
    """Resize uint8[N, H, W, C] to float32[N, 299, 299, 3] in 0..255, bicubic and antialiased, without rounding."""
    out = np.empty((*images.shape[:1], SIZE, SIZE, images.shape[-1]), np.float32)
    for i, c in np.ndindex(len(images), images.shape[-1]):
        channel = Image.fromarray(images[i, :, :, c].astype(np.float32))
        out[i, :, :, c] = np.asarray(channel.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    return _coloured(np.clip(out, 0, 255))


def tensorflow_resize(images: np.ndarray) -> np.ndarray:
    """Resize uint8[N, H, W, C] to float32[N, 299, 299, 3] in 0..255 as `tf.image.resize_bilinear` of TensorFlow 1."""
    x = images.astype(np.float32)
    for axis in (1, 2):
        place = np.arange(SIZE, dtype=np.float32) * np.float32(x.shape[axis] / SIZE)
        low = np.floor(place).astype(int)
        high = np.minimum(low + 1, x.shape[axis] - 1)
        share = (place - low).reshape((-1, 1, 1) if axis == 1 else (-1, 1))
        x = np.take(x, low, axis) * (1 - share) + np.take(x, high, axis) * share
    return _coloured(x)


def _coloured(x: np.ndarray) -> np.ndarray:
    return np.repeat(x, 3, axis=-1) if x.shape[-1] == 1 else x
