"""Whole runs of a tiny GAN."""

import json
import os
import shutil
import signal
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.base import machine
from jaxgan.runs import folder, metrics_log
from jaxgan.runs.loop import batch_shapes, batches, calls
from jaxgan.runs.setup import create_setup
from jaxgan.training import parallel


def config(**train):
    cfg = tiny.get_config()
    cfg.model.dropout = 0.3
    cfg.train.num_devices = 1
    cfg.train.update(train)
    return cfg


def leaves(state):
    return jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    return run, jaxgan.train(config(), run)


def test_a_run_leaves_what_it_says(finished):
    run, state = finished
    assert int(state.step) == 6
    files = {"config.json", "metrics.jsonl", "samples", "checkpoints", "losses.png", "progress.gif"}
    assert {p.name for p in run.iterdir()} == files
    assert [p.name for p in folder.grids(run)] == [f"step_0000000{i}.png" for i in (0, 3, 6)]
    with Image.open(run / "progress.gif") as animation:
        assert animation.n_frames == 3
    with Image.open(run / "samples" / "data.png") as grid:
        assert grid.size == (32, 32)
    with Image.open(run / "samples" / "step_00000006.png") as grid:
        assert grid.size == (32, 32)
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["3", "6"]


def test_metrics_have_what_others_read(finished):
    rows = [json.loads(line) for line in (finished[0] / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 6]
    for row in rows:
        assert {"step", "epoch", "seconds", "images_per_sec", "d/loss", "d/acc", "g/loss", "g/lr", "d/lr"} <= row.keys()
        assert row["g/lr"] == pytest.approx(2e-4)
        assert row["images_per_sec"] > 0
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)


def test_resume_is_bit_exact(finished, tmp_path):
    jaxgan.train(config(num_steps=3, log_every=1), tmp_path)
    state = jaxgan.train(config(log_every=1), tmp_path)
    for a, b in zip(leaves(finished[1]), leaves(state), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [row["step"] for row in metrics_log.read_metrics(tmp_path)] == [1, 2, 3, 4, 5, 6]


def test_resume_from_the_middle_of_a_call_is_bit_exact(tmp_path):
    whole = jaxgan.train(config(steps_per_call=4, log_every=10), tmp_path / "whole")
    jaxgan.train(config(steps_per_call=4, log_every=10, num_steps=5), tmp_path / "parts")
    parts = jaxgan.train(config(steps_per_call=4, log_every=10), tmp_path / "parts")
    for a, b in zip(leaves(whole), leaves(parts), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_is_left_as_it_is(finished, capfd):
    state = jaxgan.train(config(), finished[0])
    assert int(state.step) == 6
    assert "resumed at step 6 of 6" in capfd.readouterr().err


def test_steps_are_compiled_once_and_only_if_any_are_left(tmp_path, monkeypatch):
    compiled, original = [], parallel.Call.compile

    def spy(self, state, batch):
        compiled.append(jax.tree.leaves(state))
        return original(self, state, batch)

    monkeypatch.setattr(parallel.Call, "compile", spy)
    for cache in "device", "none":
        compiled.clear()
        one = config(num_steps=2)
        one.data.cache = cache
        jaxgan.train(one, tmp_path / cache)
        assert len(compiled) == 1, "not ahead, or once more by the first call"
        assert all(isinstance(leaf, jax.ShapeDtypeStruct) for leaf in compiled[0])
        jaxgan.train(one, tmp_path / cache)
        assert len(compiled) == 1


@pytest.mark.parametrize("on_device", [True, False])
def test_batch_shapes_are_those_of_batches(on_device):
    one = config(num_devices=2, steps_per_call=3)
    one.rule.d_steps = 2
    setup = create_setup(one, data.open_source(one.data), jax.local_devices())
    _, batch = next(batches(setup, 0, on_device=on_device))
    expected = jax.tree.map(lambda x: (x.shape, x.dtype), batch)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), batch_shapes(setup, on_device=on_device)) == expected


def test_a_signal_while_the_step_compiles_is_a_request_to_stop(tmp_path, monkeypatch, capfd):
    original = parallel.Call.compile

    def interrupted(self, state, batch):
        os.kill(os.getpid(), signal.SIGTERM)
        return original(self, state, batch)

    monkeypatch.setattr(parallel.Call, "compile", interrupted)
    state = jaxgan.train(config(steps_per_call=1), tmp_path)
    assert int(state.step) == 1
    assert "stopped at step 1 and saved" in capfd.readouterr().err


def test_what_goes_wrong_while_compiling_is_raised(tmp_path, monkeypatch):
    def refuse(self, options):
        raise ValueError("too large a program")

    for seldom in False, True:  # tried out before, so that only the step is refused
        machine.compiler_options(seldom=seldom)
    monkeypatch.setattr(jax.stages.Lowered, "compile", refuse)
    with pytest.raises(ValueError, match="too large a program"):
        jaxgan.train(config(), tmp_path)


def test_a_checkpoint_that_does_not_fit_leaves_the_metrics_alone(tmp_path):
    jaxgan.train(config(num_steps=3, log_every=1), tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "3" / "state")
    before = (tmp_path / "metrics.jsonl").read_text()
    (tmp_path / "metrics.jsonl").write_text(before + json.dumps({"step": 4}) + "\n")
    with pytest.raises((ValueError, OSError)):
        jaxgan.train(config(log_every=1), tmp_path)
    assert [row["step"] for row in metrics_log.read_metrics(tmp_path)] == [1, 2, 3, 4]


def test_changed_settings_are_said_and_frozen_ones_refused(finished, capfd):
    jaxgan.train(config(log_every=3), finished[0])
    assert "changed since the last run: config.train.log_every 2 -> 3" in capfd.readouterr().err
    other = config()
    other.seed = 1
    with pytest.raises(ValueError, match=r"config\.seed is 1, but the run in .* has 0"):
        jaxgan.train(other, finished[0])
    assert (finished[0] / "checkpoints" / "6").is_dir()


def test_a_signal_saves_and_the_same_command_goes_on(tmp_path, capfd):
    cfg = config(num_steps=100_000, sample_every=0, checkpoint_every=0, log_every=1)

    def stop_soon():
        while not metrics_log.read_metrics(tmp_path):
            threading.Event().wait(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=stop_soon)
    thread.start()
    state = jaxgan.train(cfg, tmp_path)
    thread.join()
    step = int(state.step)
    assert 0 < step < 100_000
    assert f"stopped at step {step} and saved; run the same command again to go on" in capfd.readouterr().err
    state = jaxgan.train(config(num_steps=step + 2, sample_every=0, checkpoint_every=0, log_every=1), tmp_path)
    assert int(state.step) == step + 2


def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path):
    jaxgan.train(config(num_steps=3), tmp_path)
    bad = config(log_every=1)
    bad.optim.d.learning_rate = float("inf")
    with pytest.raises(
        FloatingPointError, match=r"(g/loss|d/loss\w*) became (nan|inf|-inf) between steps [45] and [45]"
    ):
        jaxgan.train(bad, tmp_path)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["3"]
    assert bool(jnp.isfinite(jaxgan.sample(jaxgan.load(tmp_path), jax.random.key(0), num=2)).all())


def test_a_bad_parameter_is_never_saved(tmp_path):
    # The last step's metrics are still sound: only the parameters after it are not.
    bad = config(num_steps=1, sample_every=0)
    bad.optim.g.learning_rate = float("inf")
    with pytest.raises(FloatingPointError, match="no finite number after step 1"):
        jaxgan.train(bad, tmp_path)
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_picture_that_cannot_be_written_is_an_error(tmp_path):
    cfg = config(num_steps=2)
    (tmp_path / "samples" / "step_00000000.png").mkdir(parents=True)
    with pytest.raises(IsADirectoryError):
        jaxgan.train(cfg, tmp_path)


def test_calls_stop_at_every_mark_and_cover_each_step_once():
    cfg = config(num_steps=23, log_every=10, sample_every=4, checkpoint_every=7, steps_per_call=5)
    setup = create_setup(cfg, data.open_source(cfg.data), jax.local_devices()[:1])
    made = list(calls(setup, 2))
    assert [first for first, _ in made] == [2, *np.cumsum([n for _, n in made])[:-1] + 2]
    ends = {first + num for first, num in made}
    assert {4, 7, 8, 10, 12, 14, 16, 20, 21, 23} <= ends
    assert max(num for _, num in made) <= 5


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("batch_size", 9_000, "data.batch_size is 9000, but the data set has 4096 pictures"),
        ("source", "folder", "path"),
        ("cache", "dvice", 'Did you mean "device"'),
    ],
)
def test_mistakes_are_found_before_anything_is_written(tmp_path, field, value, sentence):
    cfg = config()
    cfg.data[field] = value
    with pytest.raises((ValueError, FileNotFoundError), match=sentence):
        jaxgan.train(cfg, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_early_stop(tmp_path, capfd):
    cfg = config(num_steps=1_000, log_every=1, sample_every=0, checkpoint_every=0)
    cfg.early_stop.metric, cfg.early_stop.patience = "g/lr", 3
    state = jaxgan.train(cfg, tmp_path)
    # The rate is constant: the first row is the best, and metrics are read one call late.
    assert int(state.step) == 5
    assert "stopped early at step 5: no better g/lr in 3 logged rows" in capfd.readouterr().err
    cfg.early_stop.metric = "g/los"
    with pytest.raises(ValueError, match=r'config.early_stop.metric is .g/los.; .*Did you mean "g/loss"'):
        jaxgan.train(cfg, tmp_path)


def test_precision_may_change_on_the_way(tmp_path):
    cfg = tiny.get_config()
    cfg.train.num_steps = 2
    before = jaxgan.train(cfg, tmp_path)
    cfg.train.num_steps, cfg.precision, cfg.matmul, cfg.convolution = 4, "bfloat16", "float32", "lax"
    after = jaxgan.train(cfg, tmp_path)
    assert int(after.step) == 4
    assert [x.dtype for x in jax.tree.leaves(after)] == [x.dtype for x in jax.tree.leaves(before)]
