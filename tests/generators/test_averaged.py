"""Which batch-norm statistics a run's averaged generator is drawn with; the statistics are tested beside them."""

import jax
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan.base import keys
from jaxgan.rundir import layout
from jaxgan.rundir.evaluations import best_of, protocol, read_evaluations
from jaxgan.runs.evaluate import create_evaluator
from jaxgan.sampling.recalibration import standing_statistics


def make_config(ema_stats):
    config = tiny.get_config()
    config.train.update(num_devices=1, num_steps=4, sample_every=2, ema_stats=ema_stats, ema_stds=(0.05, 0.1))
    config.eval.update(every=2, num=40, metrics="swd")
    return config


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    workdirs = {name: tmp_path_factory.mktemp("averaged") / name for name in ("average", "standing")}
    return workdirs, {name: jaxgan.train(make_config(name), path) for name, path in workdirs.items()}


def assert_equal(one, two):
    jax.tree.map(np.testing.assert_array_equal, one.variables, two.variables)


@pytest.mark.long
def test_training_does_not_depend_on_it(runs):
    first, second = (leaves(state.ema) for state in runs[1].values())
    np.testing.assert_array_equal(first, second)


def leaves(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def test_averages_are_loaded_with_their_own_and_other_weights_are_not(runs):
    workdirs, states = runs
    plain, standing = (jaxgan.load(path, trust=True) for path in workdirs.values())
    jax.tree.map(np.testing.assert_array_equal, plain.variables, states["average"].ema)
    assert_equal(standing, standing_statistics(plain, keys.stream(0, keys.Stream.STATISTICS)))
    assert not np.array_equal(leaves(plain.variables["batch_stats"]), leaves(standing.variables["batch_stats"]))
    wide = jaxgan.load(workdirs["standing"], ema_std=0.1, trust=True)
    assert_equal(wide, standing_statistics(wide, keys.stream(0, keys.Stream.STATISTICS)))
    assert_equal(*(jaxgan.load(path, weights="raw", trust=True) for path in workdirs.values()))


def test_grids_and_scores_are_made_with_them(runs):
    workdirs, _ = runs
    grids = [layout.grid_file(path, 4).read_bytes() for path in workdirs.values()]
    assert grids[0] != grids[1]
    entries = [read_evaluations(path)[-1] for path in workdirs.values()]
    assert [entry["ema_stats"] for entry in entries] == ["average", "standing"]
    assert entries[0]["metrics"]["swd"] != entries[1]["metrics"]["swd"]
    assert protocol(entries[0]) != protocol(entries[1])
    evaluator = create_evaluator(make_config("standing"))
    assert evaluator.evaluate(jaxgan.load(workdirs["standing"], trust=True), 4)["metrics"] == entries[1]["metrics"]
    assert evaluator.evaluate(jaxgan.load(workdirs["standing"], trust=True), 4, "raw")["ema_stats"] == "average"


def test_scores_of_before_the_setting_are_of_averages():
    old = {"step": 1, "main": "swd", "num": 40, "metrics": {"swd": 1.0}}
    new = {**old, "step": 2, "ema_stats": "average", "metrics": {"swd": 0.5}}
    other = {**old, "step": 3, "ema_stats": "standing", "metrics": {"swd": 0.1}}
    assert best_of([old, new, other]) == 2
