"""Sampling gives the same images in whatever context of JAX it is called."""

import contextlib
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn
from long_form import long
from tiny_params import make_params

import jaxgan
from jaxgan.sampling import sampler
from jaxgan.sampling.generator import Latent
from jaxgan.sampling.pixels import generate_pixels


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
    before = sampler._draw._cache_size()
    np.testing.assert_allclose(jaxgan.sample(second, key(), num=6), jitted(second, 6), atol=1e-6)
    assert sampler._draw._cache_size() == before


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


@pytest.mark.parametrize("num", [2, 3])
def test_inside_a_trace_it_is_a_part_of_the_trace(num):
    params = make_params()
    expected = jaxgan.sample(params, key(), num=num)
    closed = jax.jit(lambda: jaxgan.sample(params, key(), num=num))
    np.testing.assert_allclose(closed(), expected, atol=1e-6)
    mapped = jax.vmap(lambda x: x * jaxgan.sample(params, key(), num=num))(jnp.ones(2))
    np.testing.assert_allclose(mapped[1], expected, atol=1e-6)


@pytest.mark.long
def test_threads_may_share_a_generator():
    params, wrong = make_params(), []
    expected = {num: np.asarray(jitted(params, num)) for num in range(1, 5)}

    def draw(start):
        try:
            for i in range(300):
                num = (start + i) % 4 + 1
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
    before = sampler._draw._cache_size()
    with jax.default_matmul_precision("bfloat16"):
        jaxgan.sample(params, key(), num=4)
    assert sampler._draw._cache_size() == before + 1


def mesh(kind):
    return jax.make_mesh((2,), ("rows",), axis_types=(kind,))


CONTEXTS = {
    "explicit mesh": lambda: jax.set_mesh(mesh(jax.sharding.AxisType.Explicit)),
    "auto mesh": lambda: jax.set_mesh(mesh(jax.sharding.AxisType.Auto)),
    "explicit mesh again": lambda: jax.set_mesh(mesh(jax.sharding.AxisType.Explicit)),
    "no jit": jax.disable_jit,
    "no transfers": lambda: jax.transfer_guard("disallow"),
    "strict promotion": lambda: jax.numpy_dtype_promotion("strict"),
    "64 bits": lambda: jax.enable_x64(True),
}
CALLS = {
    "sample": lambda params, key, z, labels: jaxgan.sample(params, key, num=4),
    "generate": lambda params, key, z, labels: jaxgan.generate(params, z, labels),
    "generate from NumPy": lambda params, key, z, labels: jaxgan.generate(params, np.asarray(z), np.arange(4)),
    "latents": lambda params, key, z, labels: jaxgan.latents(params, key, 4),
    "truncated": lambda params, key, z, labels: jaxgan.latents(params, key, 4, truncation=1.0),
    "interpolate": lambda params, key, z, labels: jaxgan.interpolate(z, z[::-1], 3, spherical=True),
    "to_uint8": lambda params, key, z, labels: jaxgan.to_uint8(z),
    "standing": lambda params, key, z, labels: jaxgan.standing_statistics(params, key, num=128).variables["params"],
    "pixels": lambda params, key, z, labels: generate_pixels(params, z, labels),
}


SLOW = "interpolate", "standing"  # what they call is among the others


@pytest.mark.long
@pytest.mark.parametrize("call", [*(call for call in CALLS if call not in SLOW), *long(*SLOW)])
def test_results_are_the_same_in_every_context(call):
    params = make_params(conditional=True)
    given = jaxgan.latents(params, key(), 4), jnp.arange(4)
    expected = jax.tree.map(np.asarray, CALLS[call](params, key(), *given))
    for name, context in (*CONTEXTS.items(), ("none", contextlib.nullcontext)):
        own = key()
        with context():
            found = CALLS[call](params, own, *given)
        one = 1 if call in ("to_uint8", "pixels") else 1e-5  # another program may round another way
        jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=one, err_msg=name), found, expected)  # noqa: B023
        assert all(x.dtype == y.dtype for x, y in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True))


def test_gradients_follow_latents_and_parameters():
    params, z = make_params(), jaxgan.latents(make_params(), key(), 2)

    def total(params, z):
        return jaxgan.generate(params, z).sum()

    outside = jax.grad(total, argnums=(0, 1))(params, z)
    inside = jax.jit(jax.grad(total, argnums=(0, 1)))(params, z)
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-4), outside, inside)
    assert float(jnp.abs(outside[1]).max()) > 1e-3
