"""The step of many is the step of each, in either form."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from long_form import long

import jaxgan
from jaxgan.base import keys
from jaxgan.data import open_source
from jaxgan.runs.setup import create_setup
from jaxgan.training import many_seeds
from jaxgan.training.step import train_step

RATES = np.float32([1e-3, 3e-3])


@pytest.fixture(scope="module")
def setup():
    config = jaxgan.get_config("mnist")
    config.model.update(g_widths=(4,), d_widths=(4,), kinds=0)
    config.data.update(source="synthetic", image_size=8, batch_size=4)
    config.train.num_steps, config.augment = 4, ""
    config.penalty.update(r1=1.0, r2=0.0, interval=2)
    return create_setup(config, open_source(config.data), jax.devices()[:1])


@pytest.fixture(scope="module")
def batch(setup):
    images, labels = setup.source.read(np.arange(8))
    return images.reshape(2, 1, 4, *images.shape[1:]), labels.reshape(2, 1, 4)


@pytest.fixture(scope="module")
def states(setup):
    make = jax.jit(
        lambda key: jaxgan.create_state(setup.gan, setup.state_shapes.g.tx, setup.state_shapes.d.tx, key),
        compiler_options={"xla_backend_optimization_level": 0},
    )
    return [make(keys.stream(seed, keys.Stream.PARAMETERS)) for seed in (0, 1)]


def step_of_both(setup):
    makers = [
        many_seeds.optimiser_maker(setup.config.optim[net], net, *setup.optimiser_parts[net]) for net in ("g", "d")
    ]
    return many_seeds.make_step_of_all(setup.gan, *makers, {"optim.g.learning_rate": RATES})


@pytest.fixture(scope="module")
def each(setup, states, batch):
    alone = jax.jit(functools.partial(train_step, setup.gan))
    return [alone(state, batch[0][number], batch[1][number]) for number, state in enumerate(states)]


@pytest.mark.parametrize("form", [many_seeds.stack, *long(tuple)], ids=["mapped", "one by one"])
def test_both_move_as_each_does(setup, states, batch, each, form):
    done, metrics = jax.jit(step_of_both(setup))(form(states), *batch)
    assert metrics["g/loss"].shape == (2,)
    for number, (state, (expected, theirs)) in enumerate(zip(states, each, strict=True)):
        found = many_seeds.take(done, number)
        assert int(found.step) == 1
        for name, value in theirs.items():
            np.testing.assert_allclose(metrics[name][number], value, rtol=1e-4, atol=1e-5, err_msg=name)
        # Adam's first step is as long as the rate, whatever the gradient, but where that is nearly 0.
        assert share_moved(state, found, expected, RATES[number] / setup.config.optim.g.learning_rate) > 0.98


def share_moved(before, after, usual, factor):
    """Return the share of G's parameters that have moved so many times as far as usual."""
    leaves = (jax.tree.leaves(state.g.params) for state in (before, after, usual))
    close = [np.isclose(a - b, factor * (u - b), rtol=0.05, atol=1e-7) for b, a, u in zip(*leaves, strict=True)]
    return np.mean(np.concatenate([c.ravel() for c in close]))


def test_penalties_are_made_only_where_they_are_due(setup, states, batch):
    """With `vmap`, a condition that differs from replica to replica becomes a choice between two results."""
    text = str(jax.make_jaxpr(step_of_both(setup))(many_seeds.stack(states), *batch))
    assert " cond[" in text


def test_states_are_joined_and_taken_apart(states):
    stacked = many_seeds.stack(states)
    assert stacked.step.shape == ()
    for number, state in enumerate(states):
        back = many_seeds.take(stacked, number)
        for ours, theirs in zip(*map(jax.tree.leaves, (back, state)), strict=True):
            np.testing.assert_array_equal(keys.as_numpy(ours), keys.as_numpy(theirs))
    assert jnp.issubdtype(stacked.key.dtype, jax.dtypes.prng_key)
