"""Proof that a checkpoint is what was written: digests of its arrays, sealed by a digest of their own."""

from __future__ import annotations

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xxhash

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.keys import is_key
from jaxgan.base.types import PyTree
from jaxgan.rundir import layout
from jaxgan.rundir.metrics_log import is_number

# Set to 1, arrays are taken as they are: for the few per cent of a restore that their digests take.
SKIP = "JAXGAN_SKIP_DIGESTS"
MOST_BYTES = 2**28  # of a record


class Damaged(UserError):
    """A checkpoint is not what was written."""


def check_content(path: Path, record: dict[str, Any] | None, arrays: dict[str, np.ndarray], *, always: bool) -> None:
    """Raise Damaged unless all arrays are those that were written, in the folder of their step.

    SKIP leaves the digests out unless they are to be checked `always`.
    """
    step = int(arrays["step"]) if record is None and "step" in arrays else (record or {}).get("step")
    if step is not None and str(step) != path.name:
        raise Damaged(f"{path} is a copy of step {step} under another number")
    if record is None or (os.environ.get(SKIP) == "1" and not always):
        return
    for name, array in arrays.items():
        if _digest(array) != record["digests"].get(name):
            raise Damaged(f"{path} is damaged ({name} is not what was written)")


def seal(step: int, state: PyTree, record: dict[str, Any]) -> dict[str, str]:
    """Return what is saved beside numpy arrays: their digests and the record, as text with a digest of its own."""
    content = {
        "step": step,
        "digests": {name: _digest(array) for name, array in by_path(state).items()},
        "record": record,
    }
    text = json.dumps(content)
    return {"content": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def unseal(path: Path) -> dict[str, Any] | None:
    """Read what `seal` made; None for a checkpoint of a version before it."""
    try:
        if not (path / layout.RECORD).exists() and b"record" not in files.read(path / layout.STEP_FILE):
            return None
        sealed = json.loads(files.read(path / layout.RECORD, MOST_BYTES))
        text = sealed["content"]
        if hashlib.sha256(text.encode()).hexdigest() != sealed["sha256"]:
            raise ValueError("its record is not what was written")
        content = json.loads(text)
        kept = content["record"]
        windows = [kept.get("window") or {}, {"extra": [*(kept.get("extra") or {}).values()]}]
        lists = [values for window in windows for values in window.values()]
        if not all(isinstance(content[name], dict) for name in ("digests", "record")):
            raise TypeError("its record has other kinds of values than a run writes")
        if not all(isinstance(values, list) and all(map(is_number, values)) for values in lists):
            raise TypeError("its record has other numbers than a run writes")
        if not all(isinstance(one, dict) for one in kept.get("rollbacks") or []):
            raise TypeError("its record has other rollbacks than a run writes")
        return content
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Damaged(f"{path} is damaged ({reason(error)})") from error


def _digest(array: np.ndarray) -> str:
    """Return a digest of an array's kind and content: of 128 bits, against accidents and not against forgers."""
    hasher = xxhash.xxh3_128(f"{array.dtype} {array.shape} ".encode())
    hasher.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return f"xxh3:{hasher.hexdigest()}"


def by_path(tree: PyTree) -> dict[str, Any]:
    """Return the leaves of a tree by their paths, such as 'g/params/Dense_0/kernel'."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}


def check_fit(path: Path, arrays: dict[str, np.ndarray], wanted: dict[str, Any]) -> None:
    """Raise UserError for the first leaf that is missing or different."""
    for name, leaf in wanted.items():
        numbers = jax.eval_shape(jax.random.key_data, leaf) if is_key(leaf) else leaf
        expected, have = _kind(numbers), _kind(arrays[name]) if name in arrays else "missing"
        if have != expected:
            raise UserError(
                f"{path} does not fit the networks and optimisers asked for: {name} is {have} there, but {expected} is "
                "expected; choose another folder, or the configuration that it was made with."
            )


def check_whole(path: Path, more: list[str]) -> None:
    """Raise UserError where a checkpoint has more leaves than are read of it."""
    if more:
        raise UserError(
            f"{path} does not fit the networks and optimisers asked for: it also has {more[0]}, which would be lost; "
            "choose another folder, or the configuration and optimisers that it was made with."
        )


def _kind(array: Any) -> str:
    return f"{array.dtype}{list(array.shape)}"


def reason(error: Exception) -> str:
    """Return the system's own words where TensorStore quotes them, else the first line."""
    text = str(error).strip() or type(error).__name__
    quoted = re.search(r": ([^:\[]+) \[os_error_code", text)
    return quoted[1] if quoted else text.splitlines()[0][:200]
