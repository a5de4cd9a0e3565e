"""Presets beside the reference ones: other recipes for the very same networks."""

import functools
import importlib

import jax
import numpy as np
import pytest
from cli import ROOT

import jaxgan
from jaxgan import config as config_lib
from jaxgan.base.types import DataInfo
from jaxgan.training.gan import example_inputs

ROBUST = ("gan_mlp", "dcgan", "acgan", "dcgan64")


def build(name):
    config = importlib.import_module(f"configs.{name}").get_config()
    side = config.data.image_size
    return jaxgan.build(config, DataInfo((side, side, config.data.channels), 60_000, 10))


def shapes(module, inputs):
    variables = jax.eval_shape(functools.partial(module.init, train=False), jax.random.key(0), *inputs)
    return sorted(leaf.shape for leaf in jax.tree.leaves(variables["params"]))


@pytest.mark.parametrize("name", ROBUST)
def test_robust_presets_have_the_networks_of_the_reference(name):
    reference, robust = build(name), build(f"{name}_robust")
    for net, inputs in zip(("generator", "discriminator"), example_inputs(reference), strict=True):
        assert shapes(getattr(reference, net), inputs) == shapes(getattr(robust, net), inputs)
    assert reference.latent == robust.latent


@pytest.mark.parametrize("name", ROBUST)
def test_robust_presets_differ_in_the_recipe_and_in_d_only(name):
    reference, robust = (
        config_lib.flatten(importlib.import_module(f"configs.{preset}").get_config())
        for preset in (name, f"{name}_robust")
    )
    changed = {path for path, value in robust.items() if value != reference[path]}
    recipe = ("loss", "rule.", "penalty.", "optim.", "train.", "data.batch_size", "model.d_norm", "model.dropout")
    if name == "dcgan64":  # its users' folders may be small
        recipe += ("augment", "burn_in.")
    start = ("model.bn_scale_mean",)  # of parameters
    assert all(path.startswith(recipe + start) for path in changed)
    assert robust["loss"] == "rpgan"


def test_presets_for_folders_score_now_and_then_so_that_the_best_is_kept():
    every = {
        path.stem: config.eval.every
        for path in (ROOT / "configs").glob("*.py")
        if (config := jaxgan.get_config(path.stem)).data.source == "auto"
    }
    assert {"dcgan64", "dcgan64_robust", "images64", "images128", "r3gan64"} <= every.keys()
    assert [name for name, steps in every.items() if not steps] == []


@pytest.mark.long
def test_a_robust_preset_goes_on_bit_for_bit(tmp_path):
    config = importlib.import_module("configs.gan_mlp_robust").get_config()
    config.model.hidden = config.model.latent_size = 4
    config.data.batch_size = 4
    config.train.update(num_devices=1, sample_every=0, log_every=1, num_steps=6)
    whole = jaxgan.train(config, tmp_path / "whole")
    config.train.num_steps = 3  # the penalties' interval is 4
    jaxgan.train(config, tmp_path / "parts")
    config.train.num_steps = 6
    parts = jaxgan.train(config, tmp_path / "parts")
    for a, b in zip(*(jax.tree.leaves(state.replace(key=0)) for state in (whole, parts)), strict=True):
        np.testing.assert_array_equal(a, b)
