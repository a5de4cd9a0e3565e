"""Options of XLA and settings of the C library."""

import platform
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import systems
from long_form import LONG, long

from jaxgan.base import draws, machine
from jaxgan.training.step import make_train_step

FAULTS = """
import resource
import numpy as np
from jaxgan.base.machine import keep_memory

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
    """Clear the cache of known options, before and after."""
    machine.compiler_options.cache_clear()
    yield
    machine.compiler_options.cache_clear()


def test_options_are_known_to_xla():
    if jax.__version__.startswith("0.10."):
        quick = {"xla_backend_optimization_level": "0"}
        assert machine.compiler_options() == machine.OPTIONS, "this version of XLA refuses an option"
        assert machine.compiler_options(seldom=True) == machine.OPTIONS | quick


@LONG
def test_a_step_is_the_same_without_options():
    gan = systems.build("dcgan64", shape=(16, 16, 3), width=8)
    state = systems.initialise(gan)  # its optimisers do nothing: the step adds the gradients
    images = np.random.default_rng(0).integers(0, 256, (1, 8, 16, 16, 3), np.uint8)
    given = state, images, np.zeros((1, 8), np.int32)
    step = make_train_step(gan)
    fast, plain = (jax.jit(step, compiler_options=o)(*given) for o in (machine.compiler_options(), {}))
    for ours, theirs in zip(*map(jax.tree.leaves, (fast, plain)), strict=True):
        if jnp.issubdtype(ours.dtype, jnp.floating):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("draw", "rtol"), [(draws.words, 0), (draws.uniform, 0), (draws.normal, 1e-5)])
def test_random_numbers_are_the_same_without_options(draw, rtol):
    key = jax.random.key(0)
    fast, quick, plain = (
        jax.jit(lambda key: draw(jax.random.clone(key), (1000,)), compiler_options=o)(key)
        for o in (machine.compiler_options(), machine.compiler_options(seldom=True), {})
    )
    np.testing.assert_allclose(fast, plain, rtol=rtol)
    np.testing.assert_allclose(quick, plain, rtol=rtol)


def test_options_that_xla_does_not_know_are_left_out(forgotten, monkeypatch):
    known = {"xla_cpu_enable_fast_math": False}
    monkeypatch.setattr(machine, "OPTIONS", {"xla_cpu_no_such_option": "1", **known})
    assert machine.compiler_options() == known


@pytest.mark.long
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")
@pytest.mark.parametrize("told", [False, True])
def test_freed_memory_is_kept_unless_the_environment_says_otherwise(told):
    environment = {"MALLOC_TOP_PAD_": "131072"} if told else {}
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, env=environment)
    assert (int(done.stdout) > 1_000) == told


AHEAD = """
import sys
import jax
import jax.numpy as jnp
from jaxgan.base.machine import keep_memory

keep_memory()
if sys.argv[1] == "ahead":
    jax.config.update("jax_cpu_enable_async_dispatch", True)
call = jax.jit(lambda x: jnp.sin(x + jnp.arange(2**24, dtype=jnp.float32)).sum())
call(0.0).block_until_ready()
print(call(1.0).is_ready())
"""


@pytest.mark.long
@pytest.mark.parametrize(("told", "ready"), [("in step", "True"), *long(("ahead", "False"))])
def test_calls_on_a_cpu_return_when_they_are_done(told, ready):
    """Calls that wait hold memory already."""
    done = subprocess.run([sys.executable, "-c", AHEAD, told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ready
