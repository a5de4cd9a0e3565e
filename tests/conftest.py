"""Two CPU devices, JAX's own checks turned up, and programs that the tests compile once."""

import ctypes
import gc
import importlib.metadata
import os
import pathlib
import platform
import sys
import tempfile

import pytest

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=2"
# Programs that run for a step or two need not be fast, but soon there.
os.environ["XLA_FLAGS"] += " --xla_backend_optimization_level=0 --xla_cpu_parallel_codegen_split_count=1"
if importlib.metadata.version("jax").startswith("0.10."):  # later ones end the process at flags that they do not know
    os.environ["XLA_FLAGS"] += " --xla_cpu_use_fusion_emitters=false"
# Runs leave malloc alone, which else would keep all that was ever freed.
os.environ.setdefault("MALLOC_ARENA_MAX", "4")

# Or scikit-learn warns where a container has no `lscpu`, by which it counts cores unless it may use fewer than all.
os.environ.setdefault("LOKY_MAX_CPU_COUNT", "1")

# Tracing makes objects by the million, to stay. `jaxgan.cli.start` does the same.
gc.set_threshold(100_000, 50, 50)

# All workers and the processes that tests start share one folder: the first process makes it, and the others are told.
_FOLDER = None
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _FOLDER = tempfile.TemporaryDirectory(prefix="jaxgan-tests-")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _FOLDER.name
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"

# Compiled programs are forgotten after a test that leaves so much memory in use, in KiB, and so much more than was left
# when they were last forgotten: forgetting after each test would compile the same programs again and again.
RESIDENT, GROWTH = 1_300_000, 250_000


def pytest_addoption(parser):
    """Let programs of runs be shared or not."""
    parser.addoption("--anew", action="store_true", help="let each run of a test trace and compile its own steps")


# Folders whose files take longest; those of a folder, or of none of these, keep their order.
LONGEST = "runs", "training", "generators", "rundir", "gans"


def pytest_collection_modifyitems(items):
    """Begin with the files that take longest, so that all workers end at about the same time."""
    tests = pathlib.Path(__file__).parent

    def place(item):
        folder = item.path.relative_to(tests).parts[0]
        return LONGEST.index(folder) if folder in LONGEST else len(LONGEST)

    items.sort(key=place)


def pytest_configure(config):
    """Set up JAX where tests run, so not in the process that only hands them out to others."""
    config.option.loadscopereorder = False  # or xdist would begin with the files of most tests, not the longest
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        return
    import jax
    import programs

    jax.config.update("jax_numpy_rank_promotion", "raise")
    jax.config.update("jax_debug_key_reuse", True)
    if not config.getoption("--anew"):
        programs.share()


@pytest.fixture(scope="session", autouse=True)
def drop_late_writes():
    """Do as the command line does: when a save fails, its other writes may report themselves in any later test."""
    from jaxgan.cli import surroundings

    before = sys.unraisablehook
    surroundings.drop_late_writes()
    yield
    sys.unraisablehook = before


@pytest.fixture
def few_layers(monkeypatch):
    """Let the second discriminator see maps that compile soon, where it does not matter what its features are."""
    from jaxgan.nets import efficientnet

    monkeypatch.setattr(efficientnet, "maps", lambda _, x: [x[:, ::stride, ::stride] for stride in (2, 4, 8, 16, 32)])


@pytest.fixture
def anew():
    """Let a test trace and compile anew, for it changes what programs are made from; and those that follow, too."""
    import programs

    programs.forget()
    yield
    programs.forget()


def pytest_runtest_teardown(item, nextitem):
    """Forget compiled programs when a test leaves much memory in use."""
    global _left
    if resident() > max(RESIDENT, _left + GROWTH):
        import jax
        import programs

        programs.forget()
        jax.clear_caches()
        gc.collect()
        if platform.libc_ver()[0] == "glibc":
            ctypes.CDLL(None).malloc_trim(0)
        _left = resident()


_left = 0  # memory in use when programs were last forgotten


def resident():
    """Return the resident memory of this process in KiB; 0 where the system has no /proc."""
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
    except OSError:
        return 0
