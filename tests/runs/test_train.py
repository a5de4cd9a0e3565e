"""Whole runs of a tiny GAN."""

import json
import os
import re
import shutil
import signal
import threading
import time
import zlib
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from long_form import long
from PIL import Image

import jaxgan
from jaxgan import config as config_lib, data
from jaxgan.base import machine
from jaxgan.base.settings import Setting
from jaxgan.rundir import layout, metrics_log, saved_config
from jaxgan.runs.batches import batch_shapes, batches
from jaxgan.runs.evaluate import Evaluator
from jaxgan.runs.setup import create_setup
from jaxgan.runs.train import wait_until_compiled
from jaxgan.training import parallel
from jaxgan.views import images


def config(**train):
    cfg = tiny.get_config()
    cfg.model.dropout = 0.3
    cfg.train.update(train)
    return cfg


def leaves(state):
    return jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    return run, jaxgan.train(config(sample_every=3), run)


def test_a_run_leaves_what_it_says(finished):
    run, state = finished
    assert int(state.step) == 6
    files = {
        "config.json",
        "gan.py",
        "metrics.jsonl",
        "samples",
        "checkpoints",
        "losses.png",
        "progress.gif",
        "report.html",
    }
    assert {p.name for p in run.iterdir()} - {".lock"} == files
    assert [p.name for p in layout.grids(run)] == [f"step_0000000{i}.png" for i in (0, 3, 6)]
    with Image.open(run / "progress.gif") as animation:
        assert animation.n_frames == 3
    for name in "data.png", "step_00000006.png":
        with Image.open(run / "samples" / name) as grid:
            assert grid.size == (480, 480)  # 32 pixels a side, enlarged for the eye
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["3", "6"]


def test_the_page_is_there_while_a_run_goes_on(tmp_path, monkeypatch):
    shown, save = {}, images.save_for_eye

    def save_late(*args, **kwargs):
        time.sleep(0.3)  # the thread that writes a grid is behind
        save(*args, **kwargs)

    def look(row):
        page = (tmp_path / "report.html").read_text()
        shown[row["step"]] = int(re.search(r'<output id="shown">(\d+)</output>', page)[1])

    monkeypatch.setattr(images, "save_for_eye", save_late)
    jaxgan.train(config(sample_every=2), tmp_path, on_log=look)
    assert shown.keys() == {2, 4, 6}
    assert all(of_grid >= of_row for of_row, of_grid in shown.items())


def test_metrics_have_what_others_read(finished):
    rows = [json.loads(line) for line in (finished[0] / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4, 6]
    for row in rows:
        assert {"step", "epoch", "seconds", "images_per_sec", "d/loss", "d/acc", "g/loss", "g/lr", "d/lr"} <= row.keys()
        assert row["g/lr"] == pytest.approx(2e-4)
        assert row["images_per_sec"] > 0
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)


def test_resume_is_bit_exact(tmp_path):
    whole = jaxgan.train(config(log_every=1), tmp_path / "whole")
    jaxgan.train(config(num_steps=3, log_every=1), tmp_path / "parts")
    parts = jaxgan.train(config(log_every=1), tmp_path / "parts")
    for a, b in zip(leaves(whole), leaves(parts), strict=True):
        np.testing.assert_array_equal(a, b)
    assert [row["step"] for row in metrics_log.read_metrics(tmp_path / "parts")] == [1, 2, 3, 4, 5, 6]


def test_resume_from_the_middle_of_a_call_is_bit_exact(tmp_path):
    whole = jaxgan.train(config(steps_per_call=4, log_every=10), tmp_path / "whole")
    jaxgan.train(config(steps_per_call=4, log_every=10, num_steps=5), tmp_path / "parts")
    parts = jaxgan.train(config(steps_per_call=4, log_every=10), tmp_path / "parts")
    for a, b in zip(leaves(whole), leaves(parts), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_is_left_as_it_is(finished, capfd):
    before = {path: path.stat().st_mtime_ns for path in finished[0].rglob("*") if path.name != ".lock"}
    state = jaxgan.train(config(num_steps=4), finished[0])
    assert int(state.step) == 6
    assert capfd.readouterr().err == f"nothing to do: {finished[0]} is at step 6 of 4\n"
    assert {path: path.stat().st_mtime_ns for path in finished[0].rglob("*") if path.name != ".lock"} == before


@pytest.mark.long
def test_steps_are_compiled_once_and_only_if_any_are_left(tmp_path, monkeypatch):
    compiled, original = [], parallel.CompiledSteps.compile

    def spy(self, state, batch):
        compiled.append(jax.tree.leaves(state))
        return original(self, state, batch)

    monkeypatch.setattr(parallel.CompiledSteps, "compile", spy)
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
    _, batch = next(batches([setup], 0, 6, on_device=on_device))
    expected = jax.tree.map(lambda x: (x.shape, x.dtype), batch)
    assert jax.tree.map(lambda x: (x.shape, x.dtype), batch_shapes([setup], on_device=on_device)) == expected


def test_a_signal_while_the_step_compiles_is_a_request_to_stop(tmp_path, monkeypatch, capfd):
    original = parallel.CompiledSteps.compile

    def interrupted(self, state, batch):
        os.kill(os.getpid(), signal.SIGTERM)
        return original(self, state, batch)

    monkeypatch.setattr(parallel.CompiledSteps, "compile", interrupted)
    monkeypatch.setattr(parallel.CompiledSteps, "is_compiled", lambda self: False)  # a compiler that takes long
    state = jaxgan.train(config(steps_per_call=1), tmp_path)
    assert int(state.step) == 0
    assert "stopped at step 0 and saved" in capfd.readouterr().err
    assert (tmp_path / "checkpoints" / "0").is_dir()


def test_the_speed_of_the_first_row_is_that_of_steps(tmp_path, monkeypatch):
    def slow(*args):
        time.sleep(3)
        return wait_until_compiled(*args)

    monkeypatch.setattr("jaxgan.runs.train.wait_until_compiled", slow)
    rows = []
    jaxgan.train(config(num_steps=1, log_every=1, steps_per_call=1), tmp_path, on_log=rows.append)
    assert rows[0]["seconds"] > 3
    assert rows[0]["steps_per_sec"] > 1


def test_what_goes_wrong_while_compiling_is_raised(tmp_path, monkeypatch, anew):
    def refuse(self, options):
        raise ValueError("too large a program")

    for seldom in False, True:  # tried out before, so that only the step is refused
        machine.compiler_options(seldom=seldom)
    monkeypatch.setattr(jax.stages.Lowered, "compile", refuse)
    with pytest.raises(ValueError, match="too large a program"):
        jaxgan.train(config(), tmp_path)


@pytest.mark.long
def test_a_checkpoint_that_does_not_fit_leaves_all_files_alone(tmp_path):
    """The model is the same by its settings, but the user's own file made another one of it."""
    one = config(num_steps=3, log_every=1)
    own = tmp_path / "own.py"
    own.write_text(Path(tiny.__file__).read_text())
    one.gan, run = str(own), tmp_path / "run"
    jaxgan.train(one, run)
    own.write_text(own.read_text().replace("nn.Dense(16)", "nn.Dense(17)"))
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    one.train.num_steps = 6
    with pytest.raises(ValueError, match="does not fit the networks"):
        jaxgan.train(one, run)
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"} == before
    assert jaxgan.load(run, trust=True)


def test_changed_settings_are_said_and_frozen_ones_refused(finished, tmp_path, capfd):
    run = tmp_path / "copy"
    shutil.copytree(finished[0], run)
    jaxgan.train(config(log_every=3, num_steps=7, sample_every=3), run)
    assert "changed since the last run: config.train.log_every 2 -> 3" in capfd.readouterr().err
    other = config(num_steps=9)
    other.seed = 1
    with pytest.raises(ValueError, match=r"config\.seed is 1, but the run in .* has 0"):
        jaxgan.train(other, run)
    assert (run / "checkpoints" / "7").is_dir()
    assert saved_config.load_config(run)[0].seed == 0


def test_stray_images_are_no_grids(finished, tmp_path, capfd):
    run = tmp_path / "copy"
    shutil.copytree(finished[0], run)
    (run / "samples" / "step_best.png").write_bytes((run / "samples" / "step_00000003.png").read_bytes())
    # PostScript, which Pillow would give to another program, and a header of far too many pixels.
    (run / "samples" / "step_00000001.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    huge = bytearray((run / "samples" / "step_00000003.png").read_bytes())
    huge[16:24] = (30_000).to_bytes(4, "big") * 2
    huge[29:33] = zlib.crc32(huge[12:29]).to_bytes(4, "big")
    (run / "samples" / "step_00000002.png").write_bytes(huge)
    jaxgan.train(config(num_steps=7, sample_every=3), run)
    said = capfd.readouterr().err
    assert said.count("cannot be read and was left out") == 2
    with Image.open(run / "progress.gif") as animation:
        assert animation.n_frames == 4


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


def test_nan_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path, monkeypatch):
    jaxgan.train(config(num_steps=3), tmp_path)
    bad = config(log_every=1)
    wide = Setting("learning_rate", 2e-4, "", 0, 1e38, swept=True)
    monkeypatch.setitem(config_lib.SETTINGS, "optim.d.learning_rate", wide)
    bad.optim.d.learning_rate = 1e38
    with pytest.raises(
        FloatingPointError, match=r"(g/loss|d/loss\w*) became (nan|inf|-inf) between steps [45] and [45]"
    ):
        jaxgan.train(bad, tmp_path)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["3"]
    assert bool(jnp.isfinite(jaxgan.sample(jaxgan.load(tmp_path, trust=True), jax.random.key(0), num=2)).all())


def test_a_bad_parameter_is_never_saved(tmp_path, monkeypatch):
    # The last step's metrics are still sound: only the parameters after it are not.
    bad = config(num_steps=1, sample_every=0)
    for module in config_lib, saved_config:
        monkeypatch.setattr(module, "validate", lambda config: None)  # which refuses such a rate
    bad.gan, bad.optim.g.learning_rate = tiny.__file__, float("inf")
    with pytest.raises(FloatingPointError, match="no finite number after step 1"):
        jaxgan.train(bad, tmp_path)
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_image_that_cannot_be_written_is_said_and_training_goes_on(tmp_path, capfd):
    cfg = config(num_steps=2, sample_every=3)
    (tmp_path / "samples" / "step_00000000.png").mkdir(parents=True)
    assert int(jaxgan.train(cfg, tmp_path).step) == 2
    assert "warning" in (said := capfd.readouterr().err)
    assert "step_00000000.png could not be written" in said


def test_calls_stop_at_every_mark_and_cover_each_step_once():
    cfg = config(num_steps=23, log_every=10, sample_every=4, checkpoint_every=7, steps_per_call=5)
    setup = create_setup(cfg, data.open_source(cfg.data), jax.local_devices()[:1])
    made = list(setup.schedule.calls(2, 23))
    assert [first for first, _ in made] == [2, *np.cumsum([n for _, n in made])[:-1] + 2]
    ends = {first + num for first, num in made}
    assert {4, 7, 8, 10, 12, 14, 16, 20, 21, 23} <= ends
    assert max(num for _, num in made) <= 5


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("batch_size", 9_000, "data.batch_size is 9000, but the data set has 4096 images"),
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
    # The rate is constant: the first row is the best.
    assert int(state.step) == 4
    assert "stopped early at step 4: no better g/lr in 3 logged rows" in capfd.readouterr().err
    assert int(jaxgan.train(cfg, tmp_path).step) == 4
    assert "nothing to do" in capfd.readouterr().err
    cfg.early_stop.metric = "g/los"
    with pytest.raises(ValueError, match=r'config.early_stop.metric is .g/los.; .*Did you mean "g/loss"'):
        jaxgan.train(cfg, tmp_path / "new")
    assert not (tmp_path / "new" / "metrics.jsonl").exists()


@pytest.mark.long
def test_precision_may_change_on_the_way(tmp_path):
    cfg = config(num_steps=2)
    before = jaxgan.train(cfg, tmp_path)
    cfg.train.num_steps, cfg.precision, cfg.matmul, cfg.convolution = 4, "bfloat16", "float32", "lax"
    after = jaxgan.train(cfg, tmp_path)
    assert int(after.step) == 4
    assert [x.dtype for x in jax.tree.leaves(after)] == [x.dtype for x in jax.tree.leaves(before)]


def rows_without_times(run):
    times = {"seconds", "steps_per_sec", "images_per_sec"}
    return [{k: v for k, v in row.items() if k not in times} for row in metrics_log.read_metrics(run)]


def stop_at(step, cfg, run, monkeypatch):
    """Train, and ask to stop once some steps are made, as a signal does."""
    original = parallel.CompiledSteps.__call__

    def call(self, state, batch, num):
        state, metrics = original(self, state, batch, num)
        if int(state[0].step) == step:
            os.kill(os.getpid(), signal.SIGTERM)
        return state, metrics

    with monkeypatch.context() as patch:
        patch.setattr(parallel.CompiledSteps, "__call__", call)
        assert int(jaxgan.train(cfg, run).step) == step


def test_a_resumed_run_writes_the_rows_of_an_unbroken_one(tmp_path, monkeypatch):
    jaxgan.train(config(log_every=4, num_steps=8, steps_per_call=1), tmp_path / "whole")
    for step in 3, 6, 7:  # between two rows
        stop_at(step, config(log_every=4, num_steps=8, steps_per_call=1), tmp_path / "parts", monkeypatch)
    jaxgan.train(config(log_every=4, num_steps=8, steps_per_call=1), tmp_path / "parts")
    assert rows_without_times(tmp_path / "parts") == rows_without_times(tmp_path / "whole")


@pytest.mark.long
@pytest.mark.parametrize(
    ("log_every", "sample_every", "checkpoint_every"), [(2, 2, 4), (3, 2, 0), *long((1, 3, 0), (4, 3, 3))]
)
def test_rows_do_not_depend_on_what_was_due_where_a_run_was_stopped(
    tmp_path, monkeypatch, log_every, sample_every, checkpoint_every
):
    every = {"log_every": log_every, "sample_every": sample_every, "checkpoint_every": checkpoint_every}
    cfg = config(num_steps=8, steps_per_call=1, **every)
    jaxgan.train(cfg, tmp_path / "whole")
    for step in 2, 3, 6:
        stop_at(step, cfg, tmp_path / "parts", monkeypatch)
    jaxgan.train(cfg, tmp_path / "parts")
    whole = rows_without_times(tmp_path / "whole")
    assert rows_without_times(tmp_path / "parts") == whole
    assert any("sample/diversity" in row for row in whole)


@pytest.mark.long
@pytest.mark.parametrize("num_replicas", [1, *long(2)])
@pytest.mark.parametrize("name", ["lecam", *long("r1", "augment_target")])
def test_a_setting_with_a_metric_may_be_turned_off_between_two_rows(tmp_path, monkeypatch, num_replicas, name):
    cfg = config()
    if name == "r1":  # which D of the tiny GAN cannot have: it has batch norm
        cfg = jaxgan.get_config("gan_mlp")
        cfg.model.hidden = 8
        cfg.data.update(source="synthetic", image_size=8, batch_size=8, skip=0)
    cfg.train.update(log_every=4, num_steps=8, steps_per_call=1, sample_every=0, num_replicas=num_replicas)
    section, value, column = {
        "lecam": (cfg.penalty, 0.1, "d/lecam"),
        "r1": (cfg.penalty, 0.1, "d/r1"),
        "augment_target": (cfg, 0.6, "d/augment_p"),
    }[name]
    cfg.augment = "ada_blit" if name == "augment_target" else ""
    section[name] = value
    stop_at(3, cfg, tmp_path, monkeypatch)
    section[name] = 0.0
    jaxgan.train(cfg, tmp_path)
    rows = metrics_log.read_metrics(tmp_path)
    assert [column in row for row in rows] == [True, False]


@pytest.mark.long
@pytest.mark.parametrize("kind", ["one", *long("many"), "early"])
def test_an_end_that_was_cut_off_is_finished(tmp_path, monkeypatch, capfd, kind):
    cfg = config(num_steps=4, log_every=1, num_replicas=2 if kind == "many" else 1)
    cfg.eval.update(every=2, num=20, metrics="swd")
    if kind == "early":
        cfg.train.num_steps, cfg.early_stop.metric, cfg.early_stop.patience = 100, "g/lr", 3
    jaxgan.train(cfg, tmp_path / "whole")
    evaluate = Evaluator.evaluate

    def cut(self, params, step, *args):
        if step == 4:
            raise RuntimeError("killed")
        return evaluate(self, params, step, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "evaluate", cut)
        with pytest.raises(RuntimeError, match="killed"):
            jaxgan.train(cfg, tmp_path / "cut")
    assert not (tmp_path / "cut" / "losses.png").exists()
    capfd.readouterr()
    jaxgan.train(cfg, tmp_path / "cut")
    assert "nothing to do" not in capfd.readouterr().err
    assert rows_without_times(tmp_path / "cut") == rows_without_times(tmp_path / "whole")
    for folder in [tmp_path / "cut", *(tmp_path / "cut").glob("replicas/*")]:
        assert (folder / "losses.png").exists()
        assert (folder / "report.html").exists() == (kind != "many" or folder.name != "cut")
    jaxgan.train(cfg, tmp_path / "cut")
    assert capfd.readouterr().err.startswith("nothing to do")


def test_each_logged_row_is_handed_on(tmp_path):
    seen = []
    jaxgan.train(config(num_steps=4), tmp_path, on_log=seen.append)
    assert seen == metrics_log.read_metrics(tmp_path)


def test_images_of_ones_own(tmp_path):
    cfg = config(num_steps=2)
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
    cfg.data.channels = 3
    state = jaxgan.train(cfg, tmp_path, source=data.InMemory(pixels, None, None))
    assert int(state.step) == 2
    with pytest.raises(ValueError, match="images"):
        jaxgan.train(config(num_steps=4), tmp_path, source=data.InMemory(255 - pixels, None, None))


def test_a_short_run_ends_with_a_grid(tmp_path):
    jaxgan.train(config(num_steps=2, sample_every=500), tmp_path)
    assert [p.name for p in layout.grids(tmp_path)] == [f"step_0000000{i}.png" for i in (0, 2)]
    assert (tmp_path / "progress.gif").exists()


@pytest.mark.long
def test_speed_counts_the_images_of_each_update_of_d(tmp_path):
    cfg = config(num_steps=2)
    cfg.rule.d_steps = 3
    jaxgan.train(cfg, tmp_path)
    (row,) = metrics_log.read_metrics(tmp_path)
    assert row["images_per_sec"] == pytest.approx(row["steps_per_sec"] * 8 * 3)


def test_a_weight_of_labels_needs_a_discriminator_that_tells_them(tmp_path, capfd):
    config = tiny.get_config()
    config.class_weight = 1.0
    with pytest.raises(ValueError, match=r"class_weight is 1\.0, but D of .*tiny\.py tells no labels; set it to 0"):
        jaxgan.train(config, tmp_path)
    config.class_weight, config.model.conditional, config.train.num_steps = 0.0, True, 1
    jaxgan.train(config, tmp_path / "labels")
    assert "config.class_weight is 0, so D does not learn the labels that it tells" in capfd.readouterr().err
