"""Runs made by version 0.1, before the checkpoints had digests: they sample, and go on as they would have."""

import tarfile
from pathlib import Path

import dcgan64
import jax
import numpy as np
import pytest
from long_form import LONG

import jaxgan
from jaxgan.base import machine
from jaxgan.rundir import checkpoint, saved_config, steps

FIXTURES = Path(__file__).parent.parent / "fixtures"


# Before 3.11.4 there is no filter, and it is needed for archives of others only.
FILTER = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def unpack(name, folder):
    with tarfile.open(FIXTURES / f"run_0.1_{name}.tar.gz") as packed:
        packed.extractall(folder, **FILTER)


@pytest.fixture(params=["gan_mlp", "dcgan64"])
def run(request, tmp_path):
    """A run at step 4, and what that version sampled from it and had at step 8."""
    unpack(request.param, tmp_path)
    with np.load(tmp_path / f"{request.param}_expected.npz") as expected:
        return tmp_path / request.param, dict(expected)


def test_samples_are_the_same(run):
    workdir, expected = run
    samples = jaxgan.sample(jaxgan.load(workdir), jax.random.key(0), num=4)
    np.testing.assert_allclose(samples, expected["samples"], atol=1e-6)
    assert checkpoint.verify(workdir) == [(4, "")]


def test_todays_preset_goes_on_with_it(tmp_path):
    """Fields that came later count as what stood for them before, and are no change."""
    unpack("dcgan64", tmp_path)
    saved = saved_config.load_saved(tmp_path / "dcgan64")
    config = dcgan64.get_config()
    config.model.width, config.model.latent_size = 1, 4
    for name in "source", "batch_size", "image_size":
        config.data[name] = saved.config.data[name]
    changed = saved_config.changes(tmp_path / "dcgan64", config, saved.data, "f00d")
    assert not [path for path in changed if path.startswith("model.")]


@pytest.mark.parametrize("run", ["gan_mlp", pytest.param("dcgan64", marks=LONG)], indirect=True)
def test_it_goes_on_as_an_unbroken_run(run, monkeypatch):
    """To the bit on one machine, but for the average, which rounds otherwise today; here to what machines differ in."""
    workdir, expected = run
    config, _ = saved_config.load_config(workdir)
    config.train.num_steps = 8
    # As users have it: the first steps of Adam make much of little, so programs that round otherwise part.
    options = machine.compiler_options() | {"xla_backend_optimization_level": "3"}
    monkeypatch.setattr(machine, "compiler_options", lambda **_: options)
    state = jaxgan.train(config, workdir)
    for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        value = jax.random.key_data(leaf) if name == "key" else leaf
        np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=1e-5, err_msg=name)
    assert steps.find_step(workdir, "latest") == 8
