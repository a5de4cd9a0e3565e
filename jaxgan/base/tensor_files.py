"""Tensors by name out of a file of weights: .npz, .safetensors, or PyTorch's .pth without PyTorch and without trust."""

from __future__ import annotations

import collections
import json
import math
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from jaxgan.base.checks import UserError

_SAFETENSORS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "u1"}
_STORAGES = {
    "DoubleStorage": "<f8", "FloatStorage": "<f4", "HalfStorage": "<f2", "LongStorage": "<i8", "IntStorage": "<i4",
    "ByteStorage": "u1",
}  # fmt: skip
# The first object in a .pth file as PyTorch wrote it before version 1.6.
_OLD_MAGIC = 0x1950A86A20F9469CFC6C


def read_tensors(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Read all tensors of a file.

    Args:
      path: ends in .npz, .safetensors, .pth or .pt. A .pth file must hold a state_dict: names and tensors, no code.

    Raises:
      FileNotFoundError: no such file.
      ValueError: another ending, a damaged file, or a .pth file with something else in it.
    """
    path = Path(path)
    readers = {
        ".npz": _read_npz,
        ".safetensors": lambda path: read_safetensors(path)[0],
        ".pth": _read_torch,
        ".pt": _read_torch,
    }
    if path.suffix not in readers:
        raise UserError(f"{path} is no file of weights by its name; expected one that ends in {', '.join(readers)}.")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; give the path of the weights.")
    try:
        return readers[path.suffix](path)
    except UserError:
        raise
    # What a damaged pickle raises is about anything.
    except Exception as error:
        raise UserError(f"{path} cannot be read as {path.suffix}: {error}. Get the file again.") from error


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    if wrong := [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]:
        raise ValueError(f"{wrong[0]} is no array")
    return arrays


def read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read the tensors of a .safetensors file, and its metadata.

    Raises:
      ValueError, LookupError, TypeError, AttributeError, RecursionError: a file that is damaged.
    """
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    header = json.loads(content[8:start])
    metadata, out = header.pop("__metadata__", {}), {}
    spans = [(0, 0), *sorted(tuple(entry["data_offsets"]) for entry in header.values())]
    ends = [end for _, end in spans]
    if [begin for begin, _ in spans[1:]] != ends[:-1] or start + ends[-1] != len(content):
        raise ValueError("its tensors do not fill it one after another")  # or many could be made of one block
    numbers = memoryview(content)[start:]
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        out[name] = np.frombuffer(numbers[begin:end], _SAFETENSORS[entry["dtype"]]).reshape(entry["shape"])
    return out, metadata


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    if zipfile.is_zipfile(path):
        tensors = _read_torch_zip(path)
    else:
        with path.open("rb") as file:
            tensors = _read_torch_old(file, path.stat().st_size)
    tensors = tensors.get("state_dict", tensors) if isinstance(tensors, dict) else tensors
    if not isinstance(tensors, dict) or not all(isinstance(value, np.ndarray) for value in tensors.values()):
        raise UserError(f"{path} is no state_dict; save one with torch.save(model.state_dict(), path).")
    return dict(tensors)


def _read_torch_zip(path: Path) -> Any:
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
        folder = name.removesuffix("data.pkl")

        def storage(key: str, dtype: str, num: int) -> np.ndarray:
            return np.frombuffer(archive.read(f"{folder}data/{key}"), dtype, num)

        with archive.open(name) as file:
            return _Tensors(file, storage).load()


def _read_torch_old(file: BinaryIO, size: int) -> Any:
    """Read a stream of pickles; the numbers follow the objects that they belong to."""
    storages: dict[str, np.ndarray] = {}

    def storage(key: str, dtype: str, num: int) -> np.ndarray:
        if num * np.dtype(dtype).itemsize > size:
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

    def __init__(self, file: Any, storage: Callable[[str, str, int], np.ndarray]):
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
    if min((offset, *size, *stride)) < 0 or (math.prod(size) and last >= len(storage)):
        raise ValueError("a tensor reaches beyond its numbers")
    steps = tuple(step * storage.itemsize for step in stride)
    return np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)
