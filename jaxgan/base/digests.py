"""Digests of bytes and arrays, which tell whether two things are the same."""

from __future__ import annotations

import hashlib

import numpy as np


def digest(*parts: object) -> str:
    """Return 32 hexadecimal digits of BLAKE2b of parts that are bytes, arrays, or what str() makes different."""
    hasher = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            content = np.ascontiguousarray(part).reshape(-1).view(np.uint8).data
        else:
            content = part if isinstance(part, bytes) else str(part).encode()
        hasher.update(f"{len(content)}:".encode())
        hasher.update(content)
    return hasher.hexdigest()


def array_digest(*parts: np.ndarray | str) -> str:
    """Return 16 hexadecimal digits of the SHA-256 of arrays, with their shapes and types, and of texts."""
    return sha256(*parts)[:16]


def sha256(*parts: np.ndarray | str) -> str:
    """Return all digits of `array_digest`."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            total.update(f"{part.dtype.str}{part.shape}".encode())
            total.update(np.ascontiguousarray(part).data)
        else:
            total.update(f"{len(part.encode())}:{part}".encode())
    return total.hexdigest()
