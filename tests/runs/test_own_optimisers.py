"""Optimisers that a caller gives to `jaxgan.train`."""

import jax
import numpy as np
import optax
import pytest
import tiny

import jaxgan
from jaxgan.rundir.metrics_log import read_metrics
from jaxgan.training.burn_in import NO_BURN_IN
from jaxgan.training.optim import make_optimiser, own_counter


def config_of(steps=2):
    config = tiny.get_config()
    config.train.update(num_steps=steps, num_devices=1, log_every=1, sample_every=0)
    for net in config.optim.g, config.optim.d:
        net.update(name="sgd", learning_rate=0.5, b1=0.0)
    return config


def same(first, second):
    return all(map(np.array_equal, jax.tree.leaves(first), jax.tree.leaves(second)))


@pytest.mark.long
def test_one_that_is_equal_to_the_settings_makes_an_equal_run(tmp_path):
    usual = jaxgan.train(config_of(), tmp_path / "usual")
    own = jaxgan.train(config_of(), tmp_path / "own", g_optimiser=optax.sgd(0.5))
    assert same(own.g.params, usual.g.params)
    assert same(own.d.params, usual.d.params)
    assert {"g/lr", "d/lr"} & read_metrics(tmp_path / "own")[-1].keys() == {"d/lr"}


@pytest.mark.long
def test_it_is_given_again_to_resume_exactly(tmp_path):
    lion = {"g_optimiser": optax.lion(0.1), "d_optimiser": optax.lion(0.01)}
    whole = jaxgan.train(config_of(3), tmp_path / "whole", **lion)
    jaxgan.train(config_of(2), tmp_path / "parts", **lion)
    resumed = jaxgan.train(config_of(3), tmp_path / "parts", **lion)
    assert same(resumed.replace(key=0), whole.replace(key=0))
    assert not same(whole.g.params, jaxgan.train(config_of(3), tmp_path / "usual").g.params)


@pytest.mark.long
def test_without_it_a_run_does_not_resume(tmp_path):
    config = config_of(3)
    one_of_equal_state = make_optimiser(config.optim.g, lambda count: 0.5, own_counter, NO_BURN_IN, 8)
    jaxgan.train(config_of(2), tmp_path, g_optimiser=one_of_equal_state)
    jaxgan.train(config_of(2), tmp_path / "lion", g_optimiser=optax.lion(0.1))
    for folder in tmp_path, tmp_path / "lion":
        with pytest.raises(jaxgan.UserError, match="give the same g_optimiser and d_optimiser"):
            jaxgan.train(config, folder)
    with pytest.raises(jaxgan.UserError, match="does not fit the networks and optimisers"):
        jaxgan.train(config, tmp_path, g_optimiser=optax.adam(0.1))
    with pytest.raises(jaxgan.UserError, match=r"it also has g/opt_state/.*, which would be lost"):
        jaxgan.train(config, tmp_path, g_optimiser=optax.sgd(0.1))
    assert int(jaxgan.train(config, tmp_path, g_optimiser=one_of_equal_state).step) == 3


def test_what_is_none_is_refused(tmp_path):
    with pytest.raises(jaxgan.UserError, match=r"g_optimiser is float; expected an optax[.]GradientTransformation"):
        jaxgan.train(config_of(), tmp_path, g_optimiser=0.1)
    config = config_of()
    config.sweep.penalty.r1 = (0.1, 0.2)
    with pytest.raises(jaxgan.UserError, match=r"config[.]sweep[.]penalty[.]r1 is not; leave one out"):
        jaxgan.train(config, tmp_path, g_optimiser=optax.sgd(0.5))
    assert not any(tmp_path.iterdir())
