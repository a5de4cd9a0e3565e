"""A run that begins with another one's networks."""

import jax
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan.base.checks import UserError
from jaxgan.base.keys import as_numpy
from jaxgan.runs.warm_start import warm_started


def config(**train):
    cfg = tiny.get_config()
    cfg.train.update({"num_steps": 1, "num_devices": 1, "sample_every": 0, "log_every": 1, **train})
    cfg.optim.g.learning_rate = cfg.optim.d.learning_rate = 0.0
    return cfg


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    cfg = config()
    cfg.seed = 5
    return folder, jaxgan.train(cfg, folder)


def test_all_arrays_are_taken_over(other, tmp_path, capsys):
    folder, theirs = other
    ours = jaxgan.train(config(warm_start=str(folder)), tmp_path)
    for name in "g", "d":
        for a, b in zip(*(jax.tree.leaves(getattr(s, name).params) for s in (ours, theirs)), strict=True):
            np.testing.assert_array_equal(a, b)
    assert not np.array_equal(as_numpy(ours.key), as_numpy(theirs.key))
    assert f"are those of {folder} at step 1" in capsys.readouterr().err


def test_what_has_another_shape_starts_as_usual(other, tmp_path, capsys):
    folder, theirs = other
    cfg = config(warm_start=str(folder))
    cfg.data.image_size = 10
    ours = jaxgan.train(cfg, tmp_path)
    np.testing.assert_array_equal(ours.g.params["Dense_0"]["kernel"], theirs.g.params["Dense_0"]["kernel"])
    assert ours.g.params["Dense_1"]["kernel"].shape == (16, 100)
    np.testing.assert_array_equal(ours.ema["params"]["Dense_0"]["kernel"], theirs.ema["params"]["Dense_0"]["kernel"])
    said = capsys.readouterr().err
    assert "new are d/params/Dense_0/kernel" in said


@pytest.mark.long
def test_replicas_start_so_too(other, tmp_path):
    folder, theirs = other
    many = jaxgan.train(config(warm_start=str(folder), num_replicas=2), tmp_path)
    for number in 0, 1:
        np.testing.assert_array_equal(many.g.params["Dense_0"]["kernel"][number], theirs.g.params["Dense_0"]["kernel"])


def test_averages_of_other_widths_begin_there(other, tmp_path):
    cfg = config(warm_start=str(other[0]))
    cfg.train.ema_stds = (0.05, 0.1)
    ours = jaxgan.train(cfg, tmp_path)
    for track in ours.tracks:
        np.testing.assert_allclose(
            track["params"]["Dense_0"]["kernel"], other[1].g.params["Dense_0"]["kernel"], atol=1e-6
        )


def test_mistakes_are_named(other, tmp_path):
    folder, _ = other
    for nothing in str(tmp_path / "nowhere"), "mnist":
        with pytest.raises(UserError, match="which holds no checkpoints; give the folder of a run"):
            jaxgan.train(config(warm_start=nothing), tmp_path / "a")
    (tmp_path / "many" / "replicas" / "0").mkdir(parents=True)
    with pytest.raises(UserError, match="holds replicas 0 to 0; name one"):
        jaxgan.train(config(warm_start=str(tmp_path / "many")), tmp_path / "a")
    state = jaxgan.train(config(), tmp_path / "b")
    strange = state.replace(
        g=state.g.replace(params={"x": np.zeros(3)}, batch_stats={}),
        d=state.d.replace(params={"x": np.zeros(3)}, batch_stats={}),
        ema={"params": {"x": np.zeros(3)}},
    )
    with pytest.raises(UserError, match="none of its arrays"):
        warm_started(strange, folder)
    with pytest.raises(UserError, match=r"config\.train\.warm_start is"):
        jaxgan.train(config(warm_start=str(folder), num_steps=2), tmp_path / "b")
