"""How much memory and how many cores this process may use: the machine's, or less where a control group says so."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

# Of the memory, for what a file claims to hold.
MEMORY_FRACTION = 0.5

_OWN_GROUPS, _ROOT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")


def host_memory() -> int:
    """Return the memory that this process may use, in bytes."""
    try:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        memory = 8 * 2**30  # unknown: assume a small machine
    limits = [_numbers(group / name) for group in _groups("memory") for name in ("memory.max", "memory.limit_in_bytes")]
    return min([memory, *(limit[0] for limit in limits if limit)])


def unpacked_bytes() -> float:
    """Return how many bytes the unpacked arrays of a file may take, which claims them."""
    return MEMORY_FRACTION * host_memory()


def num_cores() -> int:
    """Return the number of processor cores that this process may use, at least 1."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in _groups("cpu"):
        quota = _numbers(group / "cpu.max")
        if not quota:
            quota = _numbers(group / "cpu.cfs_quota_us") + _numbers(group / "cpu.cfs_period_us")
        if len(quota) == 2 and min(quota) > 0:
            cores = min(cores, math.ceil(quota[0] / quota[1]))
    return cores


def _groups(controller: str) -> Iterator[Path]:
    """Yield the folders of this process's control group and of those around it, of versions 2 and 1."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except (OSError, ValueError):
        lines = []
    # A container may see its own group as the root, whatever name the group has outside.
    for line in [*lines, "0::/", f"1:{controller}:/"]:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers and controller not in controllers.split(","):
            continue
        base = _ROOT / controller if controllers else _ROOT
        own = base / path.strip("/")
        if ".." not in own.parts:
            yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(base))


def _numbers(file: Path) -> list[int]:
    """Return the whole numbers of a control file; none where there is no such file or no limit, written as `max`."""
    try:
        return [int(word) for word in file.read_text().split()]
    except (OSError, ValueError):
        return []
