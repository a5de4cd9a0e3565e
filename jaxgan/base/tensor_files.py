"""Tensors by name out of a file of weights: .npz, .safetensors, or PyTorch's .pth without PyTorch and without trust."""

from __future__ import annotations

import collections
import math
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open

from jaxgan.base.checks import UserError, damaged

_STORAGES = {
    "DoubleStorage": np.dtype("<f8"), "FloatStorage": np.dtype("<f4"), "HalfStorage": np.dtype("<f2"),
    "BFloat16Storage": np.dtype(jnp.bfloat16), "LongStorage": np.dtype("<i8"), "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"), "CharStorage": np.dtype("i1"), "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}  # fmt: skip
# The first object in a .pth file as PyTorch wrote it before version 1.6.
_OLD_MAGIC = 0x1950A86A20F9469CFC6C
_HOW_TO_SAVE = {
    ".h5": "it names layers by their classes; save numpy.savez(path, **{w.path: w.numpy() for w in model.weights})",
    ".keras": "save numpy.savez(path, **{w.path: w.numpy() for w in model.weights})",
}


def read_tensors(path: str | os.PathLike[str], entry: str | None = None) -> dict[str, np.ndarray]:
    """Read all tensors of a file.

    Args:
      path: ends in .npz, .safetensors, .pth or .pt. A .pth file must hold a state_dict: names and tensors, no code.
      entry: key of the state_dict in a .pth file that holds several, such as 'netG'. None takes the only one.

    Raises:
      FileNotFoundError: no such file.
      ValueError: another ending, a damaged file, or a .pth file with something else in it.
    """
    path = Path(path)
    readers: dict[str, Callable[[Path], dict[str, np.ndarray]]] = {
        ".npz": _read_npz,
        ".safetensors": lambda path: read_safetensors(path)[0],
        ".pth": lambda path: _read_torch(path, entry),
        ".pt": lambda path: _read_torch(path, entry),
    }
    if path.suffix not in readers:
        how = f"; {_HOW_TO_SAVE[path.suffix]}" if path.suffix in _HOW_TO_SAVE else ""
        raise UserError(f"{path} is no file of weights by its name; expected one ending in {', '.join(readers)}{how}.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of the weights.")
    with damaged(f"{path} cannot be read as {path.suffix}", "get the file again, or save its numbers as float32"):
        return readers[path.suffix](path)


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if wrong := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"{wrong[0]} is no array")
    return arrays


def read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the tensors of a .safetensors file, and its metadata.

    Raises:
      ValueError: a file that is damaged, or tensors of a type that NumPy has not.
    """
    try:
        with safe_open(path, framework="np") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, AttributeError, TypeError) as error:
        raise ValueError(str(error)) from error


def _read_torch(path: Path, entry: str | None) -> dict[str, np.ndarray]:
    if zipfile.is_zipfile(path):
        content = _read_torch_zip(path)
    else:
        with path.open("rb") as file:
            content = _read_torch_old(file, path.stat().st_size)
    if entry is None and _is_state(content):
        return dict(content)
    states = {key: value for key, value in content.items() if _is_state(value)} if isinstance(content, dict) else {}
    if entry is None:
        entry = next(iter(states)) if len(states) == 1 else "state_dict"
    if entry not in states:
        advice = "save one with torch.save(model.state_dict(), path)"
        if states:
            advice = f"it holds several, so name one by `entry`: {', '.join(map(str, states))}"
        raise UserError(f"{path} is no state_dict; {advice}.")
    return dict(states[entry])


def _is_state(content: Any) -> bool:
    if not isinstance(content, dict) or not content:
        return False
    return all(isinstance(key, str) and isinstance(value, np.ndarray) for key, value in content.items())


def _read_torch_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = name.removesuffix("data.pkl")

        def storage(key: str, dtype: np.dtype, num: int) -> np.ndarray:
            return np.frombuffer(archive.read(f"{folder}data/{key}"), dtype, num)

        with archive.open(name) as file:
            return _Tensors(file, storage).load()


def _read_torch_old(file: BinaryIO, size: int) -> Any:
    """Read a stream of pickles; the numbers follow the objects that they belong to."""
    storages: dict[str, np.ndarray] = {}

    def storage(key: str, dtype: np.dtype, num: int) -> np.ndarray:
        if num * dtype.itemsize > size:
            raise ValueError("a tensor is larger than the file")
        return storages.setdefault(key, np.empty(num, dtype))

    if _Tensors(file, storage).load() != _OLD_MAGIC:
        raise ValueError("it does not begin as a file of PyTorch")
    _Tensors(file, storage).load()  # the version of the format
    _Tensors(file, storage).load()  # the machine that wrote it
    tensors = _Tensors(file, storage).load()
    for key in _Tensors(file, storage).load():
        num = int.from_bytes(file.read(8), "little")
        numbers = file.read(num * storages[key].itemsize)
        storages[key][:] = np.frombuffer(numbers, storages[key].dtype)
    return tensors


class _Tensors(pickle.Unpickler):
    """A reader of pickles that knows tensors, and refuses all else that a pickle can call."""

    def __init__(self, file: Any, storage: Callable[[str, np.dtype, int], np.ndarray]):
        super().__init__(file)
        self._storage = storage

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands in for one of PyTorch's own names."""
        known = {
            ("collections", "OrderedDict"): collections.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
            ("torch._utils", "_rebuild_parameter"): lambda tensor, *rest: tensor,
        }
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        if (module, name) not in known:
            raise UserError(f"the file of weights would call {module}.{name}; only tensors are read, so save those.")
        return known[module, name]

    def persistent_load(self, pid: Any) -> np.ndarray:
        """Return the numbers that a tensor looks at."""
        _, dtype, key, _, num = pid[:5]
        return self._storage(key, dtype, num)


def _tensor(storage: np.ndarray, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: Any) -> np.ndarray:
    """Return a view of the numbers, as `torch.as_strided`."""
    del rest
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if (
        min((offset, *size, *stride)) < 0
        or math.prod(size) > len(storage)
        or (math.prod(size) and last >= len(storage))
    ):
        raise ValueError("a tensor reaches beyond its numbers")
    steps = tuple(step * storage.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)
