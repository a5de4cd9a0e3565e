import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.nets.dropout import Dropout
from jaxgan.nets.norm import BatchNorm
from jaxgan.sampling.generator import GeneratorParams, Latent
from jaxgan.sampling.recalibration import standing_statistics
from jaxgan.sampling.sampler import sample


class G(nn.Module):
    """Two channels of W z + b, or a class's own number, normalised and then shifted no more."""

    momentum: float = 0.9
    of_flax: bool = False
    spectral: bool = False
    classes: int = 0

    @nn.compact
    def __call__(self, z, labels, *, train):
        dense = nn.Dense(2)
        x = nn.SpectralNorm(dense)(z, update_stats=train) if self.spectral else dense(z)
        if self.classes:
            x = jnp.stack([labels, 2 * labels], -1).astype(jnp.float32) + 0 * x
        if self.of_flax:
            x = nn.BatchNorm(use_running_average=not train, momentum=self.momentum, epsilon=0.0)(x)
        else:
            x = BatchNorm(train=train, momentum=self.momentum, epsilon=0.0)(x)
        return x[:, None, None] / 10


def make(seed=0, **attributes):
    module, latent = G(**attributes), Latent((3,), "normal")
    variables = module.init(jax.random.key(seed), jnp.zeros((1, 3)), jnp.zeros(1, jnp.int32), train=False)
    return GeneratorParams(variables, module, latent, attributes.get("classes") or None, (-1.0, 1.0))


def statistics(params):
    return params.variables["batch_stats"]["BatchNorm_0"]


@pytest.mark.parametrize("momentum", [0.0, 0.9, 0.999])
@pytest.mark.parametrize("of_flax", [False, True])
def test_they_are_those_of_the_law_whatever_they_were(momentum, of_flax):
    params = make(momentum=momentum, of_flax=of_flax)
    params.variables["params"]["Dense_0"]["bias"] = jnp.array([1e3, -0.5])
    kernel = np.asarray(params.variables["params"]["Dense_0"]["kernel"], np.float64)
    far = params.replace(
        variables={**params.variables, "batch_stats": jax.tree.map(lambda x: x + 1e6, params.variables["batch_stats"])}
    )
    found, other = (statistics(standing_statistics(one, jax.random.key(1), num=20_000)) for one in (params, far))
    jax.tree.map(np.testing.assert_array_equal, found, other)
    np.testing.assert_allclose(found["mean"], [1e3, -0.5], atol=0.02)
    np.testing.assert_allclose(found["var"], np.square(kernel).sum(0), rtol=0.05)


def test_an_average_of_unlike_weights_is_normalised_again():
    one, two = make(0), make(1)
    average = jax.tree.map(lambda x, y: (x + y) / 2, *(standing_statistics(p, jax.random.key(2)) for p in (one, two)))
    drawn = [np.asarray(sample(p, jax.random.key(3), num=4_000)) * 10 for p in (average, one, two)]
    assert drawn[0].std((0, 1, 2)).min() < 0.8  # the weights partly cancel, their statistics do not
    better = np.asarray(sample(standing_statistics(average, jax.random.key(2)), jax.random.key(3), num=4_000)) * 10
    np.testing.assert_allclose(better.std((0, 1, 2)), 1, atol=0.05)


def test_classes_are_drawn_evenly():
    found = statistics(standing_statistics(make(classes=5), jax.random.key(0), num=10_000))
    np.testing.assert_allclose(found["mean"], [2, 4], rtol=0.03)
    np.testing.assert_allclose(found["var"], [2, 8], rtol=0.05)


def test_what_is_no_statistic_stays():
    params = make(spectral=True)
    new = standing_statistics(params, jax.random.key(0), num=1)
    for name in "params", "batch_stats":
        assert jax.tree.structure(new.variables[name]) == jax.tree.structure(params.variables[name])
    old, kept = (p.variables["batch_stats"]["SpectralNorm_0"] for p in (params, new))
    jax.tree.map(np.testing.assert_array_equal, old, kept)
    assert not np.array_equal(statistics(new)["var"], statistics(params)["var"])


def test_a_generator_without_batch_norm_is_returned_as_it_is():
    params = make()
    bare = params.replace(variables={"params": params.variables["params"], "batch_stats": {}})
    assert standing_statistics(bare, jax.random.key(0)) is bare


def test_equal_keys_give_equal_statistics_and_none_are_refused():
    params = make()
    first, again, other = (statistics(standing_statistics(params, jax.random.key(seed))) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first["var"], again["var"])
    assert not np.array_equal(first["var"], other["var"])
    with pytest.raises(ValueError, match="num is 0; expected"):
        standing_statistics(params, jax.random.key(0), num=0)


class Odd(nn.Module):
    """A dropout before the norm, ours or Flax's, and a norm that keeps its statistics."""

    ours: bool

    @nn.compact
    def __call__(self, z, labels, *, train):
        x = Dropout(0.5)(z) if self.ours else nn.Dropout(0.5, deterministic=not train)(z)
        x = nn.BatchNorm(use_running_average=True, epsilon=0.0, name="frozen")(x)
        return BatchNorm(train=train, momentum=0.9, epsilon=0.0, name="moved")(x)[:, None, None]


@pytest.mark.parametrize(("ours", "var"), [(True, 1.0), (False, 2.0)])
def test_dropout_is_off_where_drawing_has_it_off_and_frozen_norms_stay(ours, var):
    module = Odd(ours)
    variables = module.init(jax.random.key(0), jnp.zeros((1, 3)), jnp.zeros(1, jnp.int32), train=False)
    variables["batch_stats"]["frozen"] = {"mean": jnp.full(3, 5.0), "var": jnp.full(3, 4.0)}
    params = GeneratorParams(variables, module, Latent((3,), "normal"), None, (-1.0, 1.0))
    found = standing_statistics(params, jax.random.key(1), num=20_000).variables["batch_stats"]
    jax.tree.map(np.testing.assert_array_equal, found["frozen"], variables["batch_stats"]["frozen"])
    np.testing.assert_allclose(found["moved"]["mean"], -2.5, atol=0.03)
    np.testing.assert_allclose(found["moved"]["var"], var / 4, rtol=0.1)
