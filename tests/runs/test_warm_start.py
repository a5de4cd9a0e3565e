"""A run that begins with another one's networks."""

import jax
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.base.keys import as_numpy
from jaxgan.config import with_whole_paths
from jaxgan.rundir.digests import by_path
from jaxgan.runs.setup import create_setup
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


@pytest.mark.long
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
@pytest.mark.usefixtures("few_layers")
@pytest.mark.parametrize("weights", [(0.0, 1.0), (1.0, 0.0)])
def test_the_own_discriminator_is_taken_with_and_without_a_second_one(tmp_path, capsys, weights):
    states = []
    for number, weight in enumerate(weights):
        cfg = jaxgan.get_config("images64")
        cfg.model.g_widths = cfg.model.d_widths = (4, 4)
        cfg.data.update(source="synthetic", image_size=16, batch_size=4, instance_features=0)
        cfg.projected.update(weight=weight, width=4)
        cfg.augment, cfg.augment_by_size, cfg.burn_in.augment = "", False, 1.0
        cfg.seed, cfg.eval.every = number, 0
        cfg.optim.g.learning_rate = cfg.optim.d.learning_rate = 0.0
        cfg.train.update(num_steps=1, num_devices=1, sample_every=0, log_every=1, max_minutes=0.0)
        cfg.train.warm_start = str(tmp_path / "0") if number else ""
        states.append(jaxgan.train(cfg, tmp_path / str(number)))
    first, second = (state.d.params.get("own", state.d.params) for state in states)
    jax.tree.map(np.testing.assert_array_equal, first, second)
    assert "all of d" not in capsys.readouterr().err


def bundled(preset, name, **settings):
    """A configuration of the bundled generator's GAN, whose D is small, with its warm start."""
    cfg = jaxgan.get_config(preset)
    cfg.model.d_widths = (4, 4)
    cfg.data.update(source="synthetic", image_size=28, channels=1, batch_size=4)
    cfg.train.update(warm_start=name, num_steps=2, num_devices=1, sample_every=0, log_every=1, checkpoint_every=1)
    cfg.eval.every = 0
    cfg.update_from_flattened_dict(settings)
    return cfg


def first_state(cfg):
    setup = create_setup(cfg, data.open_source(cfg.data), jax.local_devices()[:1])
    return setup.first_state(), setup.new_state()


@pytest.mark.long
def test_a_bundled_generator_is_taken_for_g_and_its_average(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()  # a folder of images, perhaps
    cfg = with_whole_paths(bundled("mnist", "mnist"))
    ours, fresh = first_state(cfg)
    theirs = jaxgan.load("mnist").variables
    for variables in ours.g.variables, ours.ema:
        assert jax.tree.structure(variables) == jax.tree.structure(theirs)
        jax.tree.map(np.testing.assert_array_equal, variables, theirs)
    for kept in "d", "step":
        jax.tree.map(np.testing.assert_array_equal, getattr(ours, kept), getattr(fresh, kept))
    jax.tree.map(np.testing.assert_array_equal, ours.g.opt_state, fresh.g.opt_state)
    num, num_d = 2 * len(jax.tree.leaves(theirs)), len(jax.tree.leaves(fresh.d.variables))
    said = capsys.readouterr().err
    assert f"warm start: {num} of {num + num_d} arrays are those of the generator mnist; new are all of d\n" in said


@pytest.mark.long
def test_other_labels_have_embeddings_of_their_own(capsys):
    ours, fresh = first_state(bundled("mnist_classes", "mnist_classes"))  # 4 shapes instead of 10 digits
    theirs = by_path(jaxgan.load("mnist_classes").variables)
    taken = by_path(ours.g.variables)
    new = [path for path, x in taken.items() if x.shape != theirs[path].shape]
    assert 0 < len(new) < 4
    for path, x in by_path(fresh.g.variables).items():
        np.testing.assert_array_equal(taken[path], x if path in new else theirs[path])
    said = capsys.readouterr().err
    named = [f"{net}/{path}" for net in ("ema", "g") for path in new]
    assert f"; new are all of d, {', '.join(named)}\n" in said


@pytest.mark.long
def test_a_run_that_began_with_a_generator_resumes_exactly(tmp_path, capfd):
    cfg = bundled("mnist", "mnist")
    whole = jaxgan.train(cfg, tmp_path / "whole")
    cfg.train.num_steps = 1
    jaxgan.train(cfg, tmp_path / "run")
    cfg.train.num_steps = 2
    capfd.readouterr()
    resumed = jaxgan.train(cfg, tmp_path / "run")
    assert "warm start" not in capfd.readouterr().err
    for one in "g", "d", "ema":
        jax.tree.map(np.testing.assert_array_equal, getattr(whole, one), getattr(resumed, one))


@pytest.mark.long
def test_an_exported_generator_is_taken_too(other, tmp_path):
    cfg = bundled("mnist", "", **{"model.g_widths": (4, 4)})
    jaxgan.train(cfg, tmp_path / "run")
    file = tmp_path / "g.safetensors"
    theirs = jaxgan.load(tmp_path / "run")
    jaxgan.export(theirs, file, run=tmp_path / "run")
    cfg.train.warm_start, cfg.seed = str(file), 3
    ours, _ = first_state(cfg)
    jax.tree.map(np.testing.assert_array_equal, ours.ema, theirs.variables)


@pytest.mark.long
def test_replicas_start_so_too(other, tmp_path):
    folder, theirs = other
    many = jaxgan.train(config(warm_start=str(folder), num_replicas=2), tmp_path)
    for number in 0, 1:
        np.testing.assert_array_equal(many.g.params["Dense_0"]["kernel"][number], theirs.g.params["Dense_0"]["kernel"])


@pytest.mark.long
def test_averages_of_other_widths_begin_there(other, tmp_path):
    cfg = config(warm_start=str(other[0]))
    cfg.train.ema_stds = (0.05, 0.1)
    ours = jaxgan.train(cfg, tmp_path)
    for track in ours.tracks:
        np.testing.assert_allclose(
            track["params"]["Dense_0"]["kernel"], other[1].g.params["Dense_0"]["kernel"], atol=1e-6
        )


@pytest.mark.long
def test_mistakes_are_named(other, tmp_path):
    folder, _ = other
    for nothing in str(tmp_path / "nowhere"), "mnits":
        with pytest.raises(UserError, match=r"which holds no checkpoints; give the folder of a run, .*faces, mnist"):
            jaxgan.train(config(warm_start=nothing), tmp_path / "a")
    (tmp_path / "many" / "replicas" / "0").mkdir(parents=True)
    with pytest.raises(UserError, match="holds runs 0 to 0; name one"):
        jaxgan.train(config(warm_start=str(tmp_path / "many")), tmp_path / "a")
    state = jaxgan.train(config(), tmp_path / "b")
    strange = state.replace(
        g=state.g.replace(params={"x": np.zeros(3)}, batch_stats={}),
        d=state.d.replace(params={"x": np.zeros(3)}, batch_stats={}),
        ema={"params": {"x": np.zeros(3)}},
    )
    with pytest.raises(UserError, match="none of its arrays"):
        warm_started(strange, folder)
    with pytest.raises(UserError, match="mnist, but none of its arrays"):
        warm_started(strange, "mnist")
    with pytest.raises(UserError, match=r"config\.train\.warm_start is"):
        jaxgan.train(config(warm_start=str(folder), num_steps=2), tmp_path / "b")
