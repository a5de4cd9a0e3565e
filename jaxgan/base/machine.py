"""How JAX is told to use the processor and the memory of this computer."""

from __future__ import annotations

import ctypes
import functools
import os
import platform

import jax

# Names of <malloc.h>.
_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8


# By default XLA gives sums, products and convolutions to the library YNNPACK. With our forms of convolutions XLA's own
# are up to twice as fast, so only the others stay with it.
_LEFT_TO_YNNPACK = ("REDUCE", "DOT", "INDIVIDUAL_DOT")
OPTIONS: dict[str, str | bool] = {
    "xla_cpu_experimental_ynn_fusion_type": ",".join(f"LIBRARY_FUSION_TYPE_{x}" for x in _LEFT_TO_YNNPACK),
    # XLA's older code generator for elementwise work makes faster programs of networks, and makes them faster.
    "xla_cpu_use_fusion_emitters": False,
}


@functools.cache
def compiler_options(*, seldom: bool = False) -> dict[str, str | bool]:
    """Return what makes XLA's programs for a CPU faster, as far as this version of XLA knows it.

    Args:
      seldom: the program runs once or seldom; that it is compiled in a fraction of the time counts for more.
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


def keep_memory() -> None:
    """Keep freed memory in this process, where the C library is glibc, and let calls not wait in line on a CPU.

    XLA on CPU asks for all temporary arrays of a call anew each time. By default glibc gives blocks of that size
    back to the system, which then clears every page again: up to half the time of a step. What is kept is about the
    peak. It lasts as long as the process, and does nothing where the environment tunes malloc already (`MALLOC_...`, or
    `glibc.malloc` in `GLIBC_TUNABLES`).

    Calls that wait for their turn have such arrays already, and a training loop runs ahead of its steps: peaks of twice
    the size. So a call here returns when it is done, if JAX was not used before.
    """
    jax.config.update("jax_cpu_enable_async_dispatch", False)
    tuned = any(name.startswith("MALLOC_") for name in os.environ) or "glibc.malloc" in os.environ.get(
        "GLIBC_TUNABLES", ""
    )
    if tuned or platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    for name, value in (_MMAP_MAX, 0), (_TRIM_THRESHOLD, -1), (_ARENA_MAX, 1):
        libc.mallopt(name, value)
