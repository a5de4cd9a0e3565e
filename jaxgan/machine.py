"""How JAX is told to use the processor and the memory of this computer."""

from __future__ import annotations

import ctypes
import functools
import os
import platform

import jax

# Names of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


@functools.cache
def compiler_options() -> dict[str, str]:
    """Return what makes XLA's programs for a CPU faster; nothing where this version of XLA does not know it.

    By default XLA gives convolutions and products to the library YNNPACK. With our forms of convolutions, XLA's own
    are up to twice as fast, and sums over many axes are not: those stay with it.
    """
    options = {"xla_cpu_experimental_ynn_fusion_type": "LIBRARY_FUSION_TYPE_REDUCE"}
    if jax.default_backend() != "cpu":
        return {}
    try:
        jax.jit(lambda: 0, compiler_options=options).lower().compile()
    except jax.errors.JaxRuntimeError:
        return {}
    return options


def keep_memory() -> None:
    """Keep freed memory in this process, where the C library is glibc.

    XLA on CPU asks for all temporary arrays of a call anew each time. By default glibc gives blocks of that size
    back to the system, which then clears every page again: up to half the time of a step. What is kept is at most
    the peak. Variables such as `MALLOC_MMAP_MAX_` in the environment stay in force.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    libc = ctypes.CDLL(None)
    for name, value in (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_ARENA_MAX, 1):
        libc.mallopt(name, value)
