"""What XLA and the C library are told."""

import platform
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import machine

FAULTS = """
import resource
import numpy as np
from jaxgan.machine import keep_memory

keep_memory()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    # Small enough that NumPy asks for no huge pages.
    arrays = [np.ones(400_000) for _ in range(20)]
    del arrays
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.fixture
def forgotten():
    """Let the options be tried again, before and after."""
    machine.compiler_options.cache_clear()
    yield
    machine.compiler_options.cache_clear()


def test_options_are_known_to_xla_and_change_no_result():
    options = machine.compiler_options()
    if jax.__version__.startswith("0.10."):
        assert options == machine.OPTIONS, "this version of XLA refuses an option"
    x = jnp.cos(jnp.arange(12.0)).reshape(3, 4)
    product = jax.jit(lambda x: (x @ x.T).sum(0), compiler_options=options)(x)
    np.testing.assert_allclose(product, (np.asarray(x) @ np.asarray(x).T).sum(0), rtol=1e-5)


def test_options_that_xla_does_not_know_are_left_out(forgotten, monkeypatch):
    known = {"xla_cpu_enable_fast_math": False}
    monkeypatch.setattr(machine, "OPTIONS", {"xla_cpu_no_such_option": "1", **known})
    assert machine.compiler_options() == known


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
@pytest.mark.parametrize("told", [False, True])
def test_freed_memory_is_kept_unless_the_environment_says_otherwise(told):
    environment = {"MALLOC_TOP_PAD_": "131072"} if told else {}
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, env=environment)
    assert (int(done.stdout) > 1_000) == told
