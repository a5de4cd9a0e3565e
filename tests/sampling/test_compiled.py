"""Sampling outside `jit`: the same images, by programs that are kept, from copies that never are old."""

import gc
import subprocess
import sys
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from tiny_params import make_params

import jaxgan
from jaxgan.sampling import compiled
from jaxgan.sampling.generator import Latent

ROOT = Path(__file__).resolve().parents[2]


def key():
    return jax.random.key(3)


def jitted(params, num=4):
    return jax.jit(jaxgan.sample, static_argnames="num")(params, key(), num=num)


def test_images_are_those_of_jit():
    params = make_params()
    for _ in range(2):
        np.testing.assert_allclose(jaxgan.sample(params, key(), num=4), jitted(params), atol=1e-6)


def test_labels_and_statistics_are_followed():
    params = make_params(conditional=True)
    z = jaxgan.latents(params, key(), 4)
    for stats in "running", "batch":
        for labels in [0, 1, 9, 2], [9, 1, 0, 0]:
            expected = jax.jit(jaxgan.generate, static_argnames="stats")(params, z, jnp.asarray(labels), stats=stats)
            given = jaxgan.generate(params, z, np.asarray(labels), stats=stats)
            np.testing.assert_allclose(given, expected, atol=1e-6)


def test_a_program_serves_all_generators_of_its_shapes():
    first, second = make_params(), jax.tree.map(lambda x: 2 * x, make_params())
    jaxgan.sample(first, key(), num=6)
    before = compiled._halves.cache_info().misses
    np.testing.assert_allclose(jaxgan.sample(second, key(), num=6), jitted(second, 6), atol=1e-6)
    assert compiled._halves.cache_info().misses == before


def test_numpys_arrays_may_change_between_calls():
    params = jax.tree.map(np.array, make_params())
    before = jaxgan.sample(params, key(), num=4)
    for leaf in jax.tree.leaves(params.variables["params"]):
        leaf *= 2
    after = jaxgan.sample(params, key(), num=4)
    np.testing.assert_allclose(after, jitted(params), atol=1e-6)
    assert float(jnp.abs(after - before).max()) > 1e-3


def test_leaves_that_were_replaced_are_seen():
    params = make_params().replace(variables=dict(make_params().variables))
    before = jaxgan.sample(params, key(), num=4)
    params.variables["params"] = jax.tree.map(lambda x: 2 * x, params.variables["params"])
    after = jaxgan.sample(params, key(), num=4)
    np.testing.assert_allclose(after, jitted(params), atol=1e-6)
    assert float(jnp.abs(after - before).max()) > 1e-3


def test_the_same_arrays_may_belong_to_generators_that_differ():
    first, second = make_params(), make_params(image_range=(0.0, 1.0)).replace(variables=make_params().variables)
    for params in first, second, first:
        np.testing.assert_allclose(jaxgan.sample(params, key(), num=4), jitted(params), atol=1e-6)


def test_copies_die_with_their_parameters_and_are_few():
    gc.collect()
    before = len(compiled._copies)
    params = jax.tree.map(lambda x: x + 0, make_params())
    for num in range(1, 11):
        jaxgan.sample(params, key(), num=num)
    assert len(compiled._copies) == before + 1
    assert len(compiled._copies[id(params)].ready) == 8
    del params
    gc.collect()
    assert len(compiled._copies) == before


@pytest.mark.parametrize("num", [2, 3])
def test_inside_a_trace_it_is_a_part_of_the_trace(num):
    params = make_params()
    expected = jaxgan.sample(params, key(), num=num)
    closed = jax.jit(lambda: jaxgan.sample(params, key(), num=num))
    np.testing.assert_allclose(closed(), expected, atol=1e-6)
    mapped = jax.vmap(lambda x: x * jaxgan.sample(params, key(), num=num))(jnp.ones(2))
    np.testing.assert_allclose(mapped[1], expected, atol=1e-6)


@pytest.mark.parametrize("stats", ["running", "batch"])
def test_parameters_that_are_used_as_they_are_have_no_copy(stats):
    params = jax.tree.map(lambda x: x + 0, make_params())  # nobody else's, of whom copies may be kept
    jaxgan.generate(params, jaxgan.latents(params, key(), 5), stats=stats)
    kept = [array for _, arrays in compiled._copies[id(params)].ready.values() for array in arrays]
    assert kept or stats == "batch"  # which leaves nothing to prepare
    own = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    assert not [x for x in kept if x.size > 1 and any(x.shape == y.shape and np.array_equal(x, y) for y in own)]


FIRST_IN_A_TRACE = """
import sys
sys.path.insert(0, "tests")
import jax
import jax.numpy as jnp
from tiny_params import make_params

import jaxgan

params, key = make_params(), jax.random.key(3)
by_number = jax.jit(lambda x: x + jaxgan.sample(params, key, num=2))(1.0)
by_key = jax.jit(lambda key: jaxgan.sample(params, key, num=2))(key)
mapped = jax.vmap(lambda x: x + jaxgan.sample(params, key, num=2))(jnp.ones(1))
outside = jaxgan.sample(params, key, num=2)
assert max(float(jnp.abs(x - outside).max()) for x in (by_number - 1, by_key, mapped[0] - 1)) < 1e-6

from jaxgan.sampling import compiled

assert compiled._halves.cache_info().currsize == 1
"""


def test_the_first_call_may_come_inside_a_trace():
    done = subprocess.run([sys.executable, "-c", FIRST_IN_A_TRACE], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_threads_may_share_a_generator():
    params, wrong = make_params(), []
    expected = {num: np.asarray(jitted(params, num)) for num in range(1, 11)}

    def draw(start):
        try:
            for i in range(300):
                num = (start + i) % 10 + 1
                np.testing.assert_allclose(jaxgan.sample(params, key(), num=num), expected[num], atol=1e-6)
        except Exception as error:
            wrong.append(error)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=draw, args=(start,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    assert not wrong


class WithArray(nn.Module):
    """A generator with an array for an attribute, which no key of a dictionary can be."""

    scale: np.ndarray

    @nn.compact
    def __call__(self, z, labels, *, train):
        return jnp.tanh(nn.Dense(4)(z) * self.scale[None]).reshape(-1, 2, 2, 1)


def test_modules_may_have_arrays_for_attributes():
    for scale in 1.0, 2.0:
        module = WithArray(np.full(4, scale))
        variables = module.init(jax.random.key(0), jnp.ones((1, 3)), None, train=False)
        params = make_params().replace(module=module, variables=variables, latent=Latent((3,), "normal"))
        z = jaxgan.latents(params, key(), 2)
        expected = module.apply(variables, z, None, train=False)
        np.testing.assert_allclose(jaxgan.generate(params, z), expected, atol=1e-6)


def test_latents_may_lie_on_a_mesh():
    params = jaxgan.load("mnist")
    z = jaxgan.latents(params, key(), 4)
    expected = jaxgan.generate(params, z)
    mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Explicit,))
    shared = jax.device_put(z, jax.NamedSharding(mesh, jax.P("rows")))
    np.testing.assert_allclose(jaxgan.generate(params, shared), expected, atol=1e-5)


def test_another_precision_is_another_program():
    params = make_params()
    jaxgan.sample(params, key(), num=4)
    before = compiled._halves.cache_info().misses
    with jax.default_matmul_precision("bfloat16"):
        jaxgan.sample(params, key(), num=4)
    assert compiled._halves.cache_info().misses == before + 1
