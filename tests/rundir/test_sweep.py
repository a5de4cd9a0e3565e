"""Settings of many runs in one program: what each has, and what their program needs."""

import importlib

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import config as config_lib
from jaxgan.rundir import layout, saved_config, sweep

PENALTIES = (0.0, 0.5)


def config_of_two():
    config = importlib.import_module("configs.gan_mlp_robust").get_config()
    config.model.hidden = config.model.latent_size = 4
    config.data.source, config.data.skip, config.data.batch_size, config.data.image_size = "synthetic", 0, 4, 8
    config.penalty.update(r1=0.0, r2=0.0, interval=2)
    config.sweep.penalty.r1 = PENALTIES
    config.train.update(num_devices=1, sample_every=0, log_every=1, num_steps=3)
    return config


@pytest.mark.parametrize(
    ("swept", "values", "needing", "value"),
    [
        *((f"penalty.{name}", PENALTIES, "penalty.interval", 4) for name in ("r1", "r2", "wgan_gp", "zero_centred")),
        ("penalty.r1", PENALTIES, "burn_in.penalty", 10.0),
        ("train.ema_half_life", (100, 200), "train.ema_ramp", 0.1),
        ("train.ema_half_life", (100, 200), "burn_in.ema_half_life", 0.0),
    ],
)
def test_a_setting_that_is_swept_counts_as_set(swept, values, needing, value):
    config = config_lib.default()
    config.gan, config.burn_in.images = "gan_mlp", 1_000
    config.update_from_flattened_dict({f"sweep.{swept}": values, needing: value})
    configs = sweep.expand(config)
    for one in configs:
        config_lib.validate(one)  # as its config.json is when it is read
    assert [config_lib.flatten(one)[swept] for one in configs] == list(values)
    # The program that all share computes what some need.
    shared = config_lib.flatten(sweep.template(configs))
    assert shared[needing] == value
    assert shared[swept]


def test_a_setting_that_nothing_turns_on_is_refused():
    config = config_lib.default()
    config.penalty.interval, config.sweep.penalty.r1 = 4, (0.0, 0.0)
    with pytest.raises(ValueError, match="without a weight of a gradient penalty it has no effect"):
        sweep.expand(config)


@pytest.mark.long
def test_penalties_from_0_on_train_as_the_runs_do_alone(tmp_path):
    config = config_of_two()
    jaxgan.train(config, tmp_path / "both")
    for number, alone in enumerate(sweep.expand(config)):
        folder = layout.folder_of(tmp_path / "both", number)
        assert saved_config.load_config(folder)[0].penalty.r1 == PENALTIES[number]
        jaxgan.train(alone, tmp_path / str(number))
        pair = jaxgan.load(folder), jaxgan.load(tmp_path / str(number))
        for a, b in zip(*(jax.tree.leaves(params.variables) for params in pair), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
