"""Runs of earlier versions: they sample, and resume as they would have.

0.1 is from before checkpoints had digests, 0.1b from before the package got its present rooms.
"""

import importlib.util
import json
import re
import tarfile
from pathlib import Path

import dcgan64
import jax
import numpy as np
import pytest
from long_form import LONG

import jaxgan
from jaxgan.base import machine
from jaxgan.rundir import evaluations, metrics_log, restore, saved_config, steps

FIXTURES = Path(__file__).parent.parent / "fixtures"
spec = importlib.util.spec_from_file_location("make_fixtures", FIXTURES / "make.py")
make = importlib.util.module_from_spec(spec)
spec.loader.exec_module(make)

# Times, and what the version before measured of the grid before the one of a row's step.
UNLIKE = {"seconds", "steps_per_sec", "images_per_sec", "sample/diversity", "sample/nearest"}

# A bias before a batch norm has no gradient but rounding, of which Adam makes whole steps; the mean follows it.
ROUNDING = re.compile(r"/((Dense_0|ConvTranspose_[0-2]|Conv_[1-3])/bias|BatchNorm_\d/mean)$")

# Before 3.11.4 there is no filter, and it is needed for archives of others only.
FILTER = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def unpack(name, folder, version="0.1"):
    with tarfile.open(FIXTURES / f"run_{version}_{name}.tar.gz") as packed:
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
    assert restore.verify(workdir) == [(4, "")]


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


def compile_as_users_do(monkeypatch):
    """Undo what conftest saves: the first steps of Adam make much of little, so other roundings would drift apart."""
    known = machine.compiler_options

    def options(*, seldom=False):
        return {"xla_backend_optimization_level": "3"} | known(seldom=seldom)

    monkeypatch.setattr(machine, "compiler_options", options)


@pytest.mark.parametrize("run", ["gan_mlp", pytest.param("dcgan64", marks=LONG)], indirect=True)
def test_it_goes_on_as_an_unbroken_run(run, monkeypatch):
    """To the bit on one machine, but for the average, which rounds otherwise today; here to what machines differ in."""
    workdir, expected = run
    config, _ = saved_config.load_config(workdir)
    config.train.num_steps = 8
    compile_as_users_do(monkeypatch)
    state = jaxgan.train(config, workdir)
    for path, leaf in jax.tree_util.tree_flatten_with_path(state)[0]:
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        value = jax.random.key_data(leaf) if name == "key" else leaf
        if not ROUNDING.search(name):
            np.testing.assert_allclose(value, expected[name], rtol=1e-3, atol=1e-5, err_msg=name)
    assert steps.find_step(workdir, "latest") == 8


@pytest.mark.long
@pytest.mark.parametrize("kind", ["own_file", pytest.param("gan_mlp", marks=LONG)])
def test_a_run_of_the_version_before_resumes_bit_for_bit(kind, tmp_path, monkeypatch):
    """Or nearly, on another kind of machine than the one that made it."""
    unpack(kind, tmp_path, "0.1b")
    workdir, ended = tmp_path / kind, tmp_path / f"{kind}_end"
    assert restore.verify(workdir) == [(4, ""), (5, "")]
    kept = read_results(workdir)
    expected = read_results(ended)
    compile_as_users_do(monkeypatch)
    state = jaxgan.train(saved_config.trusted_config(workdir, trust=True)[0], workdir)
    exact = (tmp_path / f"{kind}_machine.txt").read_text() == make.machine()
    tolerances = {"rtol": 0, "atol": 0} if exact else {"rtol": 1e-3, "atol": 1e-5}
    arrays = make.arrays_of(state)
    with np.load(tmp_path / f"{kind}_end.npz") as wanted:
        assert set(arrays) == set(wanted)
        for name, array in arrays.items():
            if exact or not ROUNDING.search(name):
                np.testing.assert_allclose(array, wanted[name], **tolerances, err_msg=name)
    found = read_results(workdir)
    assert list(found) == list(expected)
    assert found.items() >= kept.items()
    for place, values in found.items():
        assert values.keys() == expected[place].keys()
        for name, value in values.items():
            np.testing.assert_allclose(value, expected[place][name], **tolerances, err_msg=f"{place} {name}")


def read_results(workdir):
    """Return the numbers of a run's metrics.jsonl and evaluation.json: {(file, step): {name: number}}."""
    rows = {("metrics", row["step"]): row for row in metrics_log.read_metrics(workdir)}
    scores = {("evaluation", entry["step"]): entry["metrics"] for entry in evaluations.read_evaluations(workdir)}
    return {place: {k: v for k, v in row.items() if k not in UNLIKE} for place, row in (rows | scores).items()}


def test_the_configuration_of_the_version_before_is_todays(tmp_path):
    unpack("own_file", tmp_path, "0.1b")
    given = json.loads((tmp_path / "own_file" / "config.json").read_text())["config"]
    config, info = saved_config.trusted_config(tmp_path / "own_file", trust=True)
    assert config.model.to_dict() == given["model"]
    assert config.train.to_dict().items() >= {**given["train"], "ema_stds": ()}.items()
    assert info.image_shape == (4, 4, 1)
    assert jaxgan.sample(jaxgan.load(tmp_path / "own_file", trust=True), jax.random.key(0), num=2).shape == (2, 4, 4, 1)
