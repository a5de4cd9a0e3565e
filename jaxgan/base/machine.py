"""Settings of XLA and of malloc for the CPU and the memory of this machine."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import platform
from collections.abc import Iterator

import jax
import numpy as np

# Names of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


# By default XLA gives reductions, matrix products and convolutions to the library YNNPACK. With the convolutions of
# `jaxgan.nets.convolution.cpu`, XLA's own code is up to twice as fast, so convolutions are left out here.
_LEFT_TO_YNNPACK = ("REDUCE", "DOT", "INDIVIDUAL_DOT")
OPTIONS: dict[str, str | bool] = {
    "xla_cpu_experimental_ynn_fusion_type": ",".join(f"LIBRARY_FUSION_TYPE_{x}" for x in _LEFT_TO_YNNPACK),
    # XLA's older code generator for elementwise operations compiles networks faster, and to faster programs.
    "xla_cpu_use_fusion_emitters": False,
}


@functools.cache
def compiler_options(*, seldom: bool = False) -> dict[str, str | bool]:
    """Return compiler options for `jax.jit` that make programs on a CPU faster.

    Options that this version of XLA does not know are left out.

    Args:
      seldom: whether the program runs once or a few times. It is then compiled in a fraction of the time, and slower.

    Returns:
      Names and values of options; an empty dict on other backends.
    """
    if jax.default_backend() != "cpu":
        return {}
    options = OPTIONS | ({"xla_backend_optimization_level": "0"} if seldom else {})
    return {name: value for name, value in options.items() if _is_known(name, value)}


@functools.cache
def _is_known(name: str, value: str | bool) -> bool:
    try:
        jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True


@contextlib.contextmanager
def usual_rules() -> Iterator[None]:
    """Let JAX compile, transfer keys and constants, and choose devices as usual inside the block.

    A caller's JAX_DISABLE_JIT, JAX_TRANSFER_GUARD and `jax.set_mesh` are for a program of theirs. The steps of a run
    exist only compiled, and lie on a mesh of their own.
    """
    no_mesh = jax.sharding.Mesh(np.empty((), object), ())
    with jax.disable_jit(False), jax.transfer_guard("allow"), jax.set_mesh(no_mesh):
        yield


def keep_memory() -> None:
    """Set up malloc and JAX so that training on a CPU is faster and takes less memory.

    Freed memory is kept. XLA on a CPU allocates all temporary arrays of a call anew. By default glibc returns blocks of
    that size to the system, which clears each page again: up to half the time of a step. The memory kept is about the
    peak, for as long as the process lives. Other C libraries are left alone. So are environments that tune malloc
    already, by `MALLOC_...` or by `glibc.malloc` in `GLIBC_TUNABLES`.

    Calls are synchronous. A training loop dispatches ahead of its steps, and each call that waits already holds its
    temporary arrays, which doubles the peak. So a call on a CPU returns when it is done. This works only before the
    first use of JAX.
    """
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    tuned = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in tunables
    if tuned or platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for name, value in (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_ARENA_MAX, 1):
        libc.mallopt(name, value)
