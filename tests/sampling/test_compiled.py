"""Sampling outside `jit`: the same pictures, by programs that are kept, from copies that never are old."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tiny_params import make_params

import jaxgan
from jaxgan.sampling import compiled


def key():
    return jax.random.key(3)


def jitted(params, num=4):
    return jax.jit(jaxgan.sample, static_argnames="num")(params, key(), num=num)


def test_pictures_are_those_of_jit():
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
    before = compiled._programs.cache_info().misses
    np.testing.assert_allclose(jaxgan.sample(second, key(), num=6), jitted(second, 6), atol=1e-6)
    assert compiled._programs.cache_info().misses == before


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
    for num in range(1, 8):
        jaxgan.sample(params, key(), num=num)
    assert len(compiled._copies) == before + 1
    assert len(compiled._copies[id(params)].ready) == 4
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


def test_another_precision_is_another_program():
    params = make_params()
    jaxgan.sample(params, key(), num=4)
    before = compiled._programs.cache_info().misses
    with jax.default_matmul_precision("bfloat16"):
        jaxgan.sample(params, key(), num=4)
    assert compiled._programs.cache_info().misses == before + 1
