"""Arrays on disk with a digest of their content: weights, and what is computed once and kept."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.base.digests import sha256

_FACTS = "facts"  # the entry that holds everything but arrays, as JSON


def cache_folder() -> Path:
    """Return the folder of what can be computed again: `$XDG_CACHE_HOME/jaxgan`, or `~/.cache/jaxgan`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "jaxgan"


def save(path: str | os.PathLike[str], arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Write arrays, and facts that JSON can hold, to a .npz file."""
    full = {**facts, "sha256": _content(arrays, facts)}
    text = np.frombuffer(json.dumps(full).encode(), np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **{**arrays, _FACTS: text})
    files.write(path, buffer.getvalue())


def load(path: str | os.PathLike[str]) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save` wrote: arrays and facts.

    Raises:
      FileNotFoundError: no such file.
      ValueError: the file is damaged.
    """
    try:
        # NumPy leaves a file open that turns out not to be one of its own.
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(arrays.pop(_FACTS).tobytes())
        sound = facts.pop("sha256") == _content(arrays, facts)
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, EOFError, OSError, zipfile.BadZipFile):
        sound, arrays, facts = False, {}, {}
    if not sound:
        raise UserError(f"{os.fspath(path)} is damaged: its content does not fit its digest; delete it, make it again.")
    return arrays, facts


def _content(arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> str:
    names = sorted(arrays)
    return sha256(json.dumps([names, facts], sort_keys=True), *(arrays[name] for name in names))
