"""Read checkpoints exactly as they were written.

Orbax writes them in the format of TensorStore, which reads them here: Orbax itself casts dtypes silently, waits for the
other processes of a job, and prints a traceback for each array of a damaged file.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import tensorstore

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.keys import as_keys, is_key
from jaxgan.base.terminal import say
from jaxgan.base.types import PyTree
from jaxgan.rundir import layout
from jaxgan.rundir.digests import Damaged, by_path, check_content, check_fit, check_whole, reason, unseal
from jaxgan.rundir.steps import find_step, newest_first

T = TypeVar("T")

_ARRAY = "/.zarray"  # the end of each array's entry


def read(path: Path, like: PyTree, *, whole: tuple[str, ...] = ()) -> tuple[PyTree, dict[str, Any]]:
    """Read the leaves of a checkpoint that `like` has, exactly as they were written, and its record.

    Args:
      path: folder of a step.
      like: arrays, or their shapes.
      whole: beginnings of paths, such as 'g/opt_state/': below them the checkpoint may have no other leaves.

    Raises:
      UserError: the checkpoint is of another architecture, optimiser or dtype.
      Damaged: it is not what was written.
    """
    wanted = by_path(like)
    arrays, record = _read(path, wanted, whole)
    leaves = [_as(arrays[name], leaf) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(like), leaves), record


def read_all(path: Path) -> dict[str, np.ndarray]:
    """Read all arrays of a checkpoint by their paths, of keys their numbers; digests are always checked."""
    return _read(path, None)[0]


def verify(workdir: str | Path) -> list[tuple[int, str]]:
    """Check every checkpoint of a run by its digests, executing nothing.

    Returns:
      (step, '' or what is wrong) for each, oldest first, without those that the run has deleted meanwhile.

    Raises:
      FileNotFoundError: there is none.
    """
    found = {}
    for step in newest_first(workdir):
        path, found[step] = layout.step_folder(workdir, step), ""
        try:
            read_all(path)
        except UserError as error:
            found[step] = str(error)
            if not path.exists():
                del found[step]
    return sorted(found.items())


def read_newest(workdir: str | Path, read_one: Callable[[Path], T]) -> tuple[int, T]:
    """Return the newest step that is good, and what a function reads of its folder; others are reported.

    Raises:
      FileNotFoundError: there is none.
      Damaged: none is good.
    """
    wrong: Damaged | None = None
    for step in newest_first(workdir):
        if wrong is not None:
            say(f"warning: {wrong}; another one is used")
        path = layout.step_folder(workdir, step)
        try:
            return step, read_one(path)
        except Damaged as error:
            wrong = error if path.exists() else None  # a run that goes on may have deleted it
    raise wrong or FileNotFoundError(f"{workdir} holds no checkpoint any more.")


def read_step(workdir: str | Path, step: int | str, like: PyTree, *, whole: tuple[str, ...] = ()) -> tuple[PyTree, int]:
    """Read some leaves of a checkpoint, and return its step; for 'latest' they are those of the newest good one."""
    if step == "latest":
        number, found = read_newest(workdir, lambda path: read(path, like, whole=whole)[0])
        return found, number
    number = find_step(Path(workdir), step)
    return read(layout.step_folder(workdir, number), like, whole=whole)[0], number


def _read(
    path: Path, wanted: dict[str, Any] | None, whole: tuple[str, ...] = ()
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        files.check_regular(path)
    except OSError as error:
        raise Damaged(f"{path} is damaged ({error.strerror})") from error
    record = unseal(path)
    try:
        with files.plain((path / layout.STATE).absolute()) as place:
            there = list_arrays(place)
            names = there if record is None else record["digests"]
            opened = {
                name: _open(place, there.get(slashed(name), name)) for name in names if wanted is None or name in wanted
            }
            reads = {name: future.result().read() for name, future in opened.items()}
            arrays = {name: future.result() for name, future in reads.items()}
    except Exception as error:  # TensorStore raises about anything on damaged files
        raise Damaged(f"{path} is damaged ({reason(error)})") from error
    check_content(path, record, arrays, always=wanted is None)
    if wanted is not None:
        check_fit(path, arrays, wanted)
        check_whole(path, [name for name in names if name not in wanted and name.startswith(whole)])
    return arrays, {} if record is None else record["record"]


def list_arrays(folder: Path) -> dict[str, str]:
    """Return Orbax's names of all arrays that it wrote to a folder, whose path is plain, by their `slashed` paths."""
    entries = tensorstore.KvStore.open(_store(folder)).result().list().result()
    names = [entry.decode().removesuffix(_ARRAY) for entry in entries if entry.endswith(_ARRAY.encode())]
    return {slashed(name): name for name in names}


def slashed(name: str) -> str:
    """Return what a path of keys and Orbax's name of it have in common.

    Orbax puts dots between keys, of which some hold slashes: Flax's spectral norm has a variable 'Conv_0/kernel/u'.
    """
    return name.replace(".", "/")


def _open(folder: Path, name: str) -> tensorstore.Future:
    store = {**_store(folder), "path": f"{name}/"}
    return tensorstore.open({"driver": "zarr", "kvstore": store}, open=True, read=True)


def _store(folder: Path) -> dict[str, Any]:
    return {"driver": "ocdbt", "base": {"driver": "file", "path": f"{folder}/"}}


def _as(array: np.ndarray, leaf: Any) -> jax.Array | np.ndarray:
    """Return what is on the disk as the leaf that is wanted; numbers that JAX would shorten stay NumPy's."""
    if is_key(leaf):
        return as_keys(array, leaf)
    return jnp.asarray(array) if jax.dtypes.canonicalize_dtype(array.dtype) == array.dtype else array
