"""Memory and cores as control groups of both versions limit them, from folders written like the kernel's."""

import os

import pytest

from jaxgan.data import limits

GIB = 2**30


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Return a function that writes files of control groups, and of which group this process is a member."""
    monkeypatch.setattr(limits, "_OWN_GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(limits, "_ROOT", tmp_path / "sys")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    monkeypatch.setattr(os, "sysconf", lambda name: 64 * GIB // 4096 if name == "SC_PHYS_PAGES" else 4096)

    def write(own, **contents):
        (tmp_path / "cgroup").write_text(own)
        for name, content in contents.items():
            file = tmp_path / "sys" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content + "\n")

    return write


def test_without_control_groups_it_is_the_machine(groups):
    assert (limits.host_memory(), limits.num_cores()) == (64 * GIB, 16)


def test_the_own_group_counts(groups):
    groups(
        "0::/user.slice/job.scope\n",
        **{"user.slice/job.scope/memory.max": str(2 * GIB), "user.slice/job.scope/cpu.max": "250000 100000"},
    )
    assert (limits.host_memory(), limits.num_cores()) == (2 * GIB, 3)


def test_the_narrowest_of_the_groups_around_it_counts(groups):
    groups(
        "0::/a/b\n",
        **{"a/b/memory.max": "max", "a/memory.max": str(3 * GIB), "memory.max": str(5 * GIB)},
        **{"a/b/cpu.max": "max 100000", "a/cpu.max": "400000 100000", "cpu.max": "800000 100000"},
    )
    assert (limits.host_memory(), limits.num_cores()) == (3 * GIB, 4)


def test_groups_of_version_1(groups):
    groups(
        "7:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/docker/x\n",
        **{"memory/docker/x/memory.limit_in_bytes": str(GIB), "memory/memory.limit_in_bytes": str(2**63 - 4096)},
        **{"cpu/docker/x/cpu.cfs_quota_us": "50000", "cpu/docker/x/cpu.cfs_period_us": "100000"},
        **{"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
    )
    assert (limits.host_memory(), limits.num_cores()) == (GIB, 1)


@pytest.mark.parametrize("own", ["0::/docker/outside\n", "0::/../../elsewhere\n", "nonsense", ""])
def test_a_container_whose_group_has_another_name_inside_asks_the_root(groups, own):
    groups(own, **{"memory.max": str(GIB), "cpu.max": "100000 100000"})
    assert (limits.host_memory(), limits.num_cores()) == (GIB, 1)


def test_what_is_no_number_is_no_limit(groups):
    groups("0::/\n", **{"memory.max": "many", "cpu.max": "0 0"})
    assert (limits.host_memory(), limits.num_cores()) == (64 * GIB, 16)
