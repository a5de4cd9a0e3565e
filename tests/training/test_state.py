"""A new state: what is drawn, for one seed or many, for networks of any kind."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tiny
from flax import linen as nn

from jaxgan.base.types import DataInfo
from jaxgan.sampling.generator import Latent
from jaxgan.training.gan import example_inputs
from jaxgan.training.state import create_state


def gan(**changes):
    return dataclasses.replace(tiny.build(tiny.get_config(), DataInfo((8, 8, 1), 100)), **changes)


def create(gan, key):
    return create_state(gan, optax.sgd(0.1), optax.sgd(0.1), key)


class Centred(nn.Module):
    """Its running mean is that of what it saw last, even while it is made."""

    @nn.compact
    def __call__(self, images, labels, *, train):
        mean = self.variable("batch_stats", "mean", jnp.ones, ())
        mean.value = images.mean()
        return nn.Dense(1)((images - mean.value).reshape(len(images), -1))[:, 0], None


def test_variables_are_those_of_flax():
    given = gan()
    state = create(given, jax.random.key(7))
    keys = jax.random.split(jax.random.key(7), 3)
    for net, module, key, shapes in zip(
        (state.g, state.d), (given.generator, given.discriminator), keys, example_inputs(given), strict=False
    ):
        zeros = [jnp.zeros(x.shape, x.dtype) for x in shapes]
        expected = module.init(key, *zeros, train=False)
        jax.tree.map(np.testing.assert_array_equal, net.variables, dict(expected))
    jax.tree.map(np.testing.assert_array_equal, state.ema, state.g.variables)
    assert int(state.step) == int(state.g.step) == 0


def test_networks_whose_variables_depend_on_what_they_see():
    given = gan(discriminator=Centred())
    state = jax.jit(lambda key: create(given, key))(jax.random.key(0))
    assert float(state.d.batch_stats["mean"]) == 0.0
    assert state.d.params["Dense_0"]["kernel"].shape == (64, 1)


def test_many_seeds_at_once():
    given, keys = gan(), jax.random.split(jax.random.key(0), 3)
    many = jax.vmap(lambda key: create(given, key))(jax.random.clone(keys))
    for i in range(3):
        one = create(given, keys[i])
        kernels = (state.g.params["Dense_0"]["kernel"] for state in (many, one))
        np.testing.assert_allclose(next(kernels)[i], next(kernels), rtol=1e-6)


def test_unknown_law_of_latents():
    with pytest.raises(ValueError, match="latent_law is 'cauchy'; expected one of"):
        Latent((3,), "cauchy")
