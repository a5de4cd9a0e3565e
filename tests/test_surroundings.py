"""The command in odd places: folders that are spelt in many ways, environments that lack something, runs of others."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
import tiny
from absl import logging
from cli import ROOT, call
from long_form import long
from PIL import Image

import jaxgan
from jaxgan.cli import main, start, surroundings
from jaxgan.rundir import metrics_log, saved_config

TINY = f"--config={ROOT / 'tests' / 'tiny.py'}"
pytestmark = pytest.mark.usefixtures("cache")
SHORT = ["--config.train.num_steps=2", "--config.train.sample_every=0", "--config.train.checkpoint_every=0"]


@pytest.fixture(scope="module")
def cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(jax.config.jax_compilation_cache_dir))
        yield


def images(folder, classes):
    for number in range(classes):
        (folder / f"class{number}").mkdir(parents=True)
        for i in range(12 // classes):
            pixels = np.random.default_rng(20 * number + i).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"class{number}" / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def of_images(tmp_path_factory):
    """A run of a folder of images that was named from the working folder."""
    place = tmp_path_factory.mktemp("place")
    images(place / "images", 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        source = ["--config.data.source=folder", "--config.data.path=images", "--config.eval.features=none"]
        done = call(TINY, "--workdir=run", *SHORT, *source, "--config.train.log_to=csv")
    assert done.returncode == 0, done.stderr
    return place / "run"


def test_a_tilde_is_the_home_folder_in_every_path(tmp_path, monkeypatch, of_images):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copy(tiny.__file__, tmp_path / "mine.py")
    shutil.copytree(of_images.parent / "images", tmp_path / "images")
    shutil.copytree(of_images, tmp_path / "other")
    folder = ["--config.data.source=folder", "--config.data.path=~/images", "--config.train.warm_start=~/other"]
    done = call("--config=~/mine.py", "--workdir=~/run", *SHORT, *folder)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "config.json").is_file()
    done = call("--mode=sample", "--workdir=~/run", "--out=~/images.png", "--trust")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "images.png").is_file()
    features = "def features(images):\n    return images.reshape(len(images), -1)[:, :3].astype('float32')\n"
    (tmp_path / "features.py").write_text(features)
    own = "--config.eval.features=~/features.py:features"
    done = call("--mode=evaluate", "--workdir=~/run", "--num=12", own, "--trust")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "~").exists()


def test_a_run_stays_in_its_folder_wherever_the_process_goes(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    config = tiny.get_config()
    jaxgan.train(config, "run", on_log=lambda row: os.chdir(tmp_path / "elsewhere"))
    assert not list((tmp_path / "elsewhere").iterdir())
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"config.json", "metrics.jsonl", "checkpoints", "samples"} <= names


def test_scores_find_the_images_from_any_folder_and_where_they_were_moved_to(of_images, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "run"
    shutil.copytree(of_images, run)
    scores = ["--mode=evaluate", f"--workdir={run}", "--num=12", "--trust"]
    done = call(*scores)
    assert done.returncode == 0, done.stderr
    moved = of_images.parent / "moved"
    (of_images.parent / "images").rename(moved)
    try:
        assert "is no folder" in call(*scores).stderr
        done = call(*scores, f"--config.data.path={moved}")
        assert done.returncode == 0, done.stderr
        other = images(tmp_path / "other", 3)
        done = call(*scores, f"--config.data.path={other}")
        assert done.returncode == 1
        assert "bring the old images back" in done.stderr
    finally:
        moved.rename(of_images.parent / "images")


def test_images_of_one_class_teach_no_features(tmp_path):
    folder = images(tmp_path / "images", 1)
    source = ["--config.data.source=folder", f"--config.data.path={folder}"]
    done = call("--mode=features", TINY, *source)
    assert done.returncode == 1
    assert "the images have one class only" in done.stderr
    notice, error = done.stderr.splitlines()
    assert "has one subfolder, class0" in notice
    assert error.startswith("error: ")


@pytest.mark.parametrize("name", ["workdir", "out", "config.data.path"])
def test_names_that_are_not_utf_8_are_refused_at_the_start(tmp_path, name, of_images):
    bad = os.fsdecode(os.fsencode(tmp_path) + b"/\xff")
    args = ["--mode=sample", f"--workdir={of_images}", "--trust"] if name == "out" else [TINY]
    done = call(*args, f"--{name}={bad}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: --{name} is '")
    assert done.stderr.isascii()
    assert "expected text in UTF-8" in done.stderr
    with pytest.raises(ValueError, match="expected text in UTF-8"):
        jaxgan.train(tiny.get_config(), bad)
    assert list(tmp_path.iterdir()) == []


def test_no_home_folder_is_said(tmp_path, monkeypatch):
    def unknown(user):
        raise KeyError(user)

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    done = call(TINY, f"--workdir={tmp_path}", *SHORT)
    assert done.returncode == 1
    assert done.stderr.startswith("error: HOME is not set")
    assert done.stderr.count("\n") == 1


def test_a_working_directory_that_was_removed_is_said(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = call("--mode=verify", f"--workdir={tmp_path}")
    assert done.returncode == 1
    assert done.stderr.startswith("error: the directory that the command was called in is gone")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("variable", ["JAX_ENABLE_X64=maybe", "JAX_DEFAULT_PRNG_IMPL=dice"])
def test_a_variable_that_jax_cannot_read_is_said(variable):
    name, _, value = variable.partition("=")
    env = {**os.environ, "PYTHONPATH": str(ROOT), name: value}
    command = [sys.executable, str(ROOT / "run.py"), "--mode=verify"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: JAX cannot read a variable of the environment (")
    assert value in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.long
def test_a_closed_standard_error_stops_nothing(tmp_path):
    command = [sys.executable, str(ROOT / "run.py"), TINY, f"--workdir={tmp_path / 'run'}", *SHORT]
    env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    done = subprocess.run(["bash", "-c", 'exec "$@" 2>&-', "bash", *command], env=env, timeout=300, check=False)
    assert done.returncode == 0
    assert (tmp_path / "run" / "checkpoints" / "2").is_dir()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "value"),
    [("jax_transfer_guard", "disallow"), *long(("jax_disable_jit", True), ("jax_numpy_dtype_promotion", "strict"))],
)
def test_settings_of_jax_change_nothing(tmp_path, name, value, of_images):
    folder = ["--config.data.source=folder", f"--config.data.path={of_images.parent / 'images'}"]
    scored = ["--config.eval.every=2", "--config.eval.num=12", "--config.eval.features=none"]
    more = ["--config.train.log_every=1", *folder, *scored, "--config.train.sample_every=2"]
    before = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        for num in 2, 4:
            done = call(TINY, f"--workdir={tmp_path}", *SHORT, *more, f"--config.train.num_steps={num}")
            assert done.returncode == 0, done.stderr
        assert ("JAX_DISABLE_JIT is ignored" in done.stderr) == (name == "jax_disable_jit")
        for mode in "sample", "interpolate", "evaluate":
            done = call(f"--mode={mode}", f"--workdir={tmp_path}", "--num=12", "--trust")
            assert done.returncode == 0, done.stderr
    finally:
        jax.config.update(name, before)
    rows = {row["step"]: row["d/loss"] for row in metrics_log.read_metrics(tmp_path)}
    (last,) = metrics_log.read_metrics(of_images)
    assert (rows[1] + rows[2]) / 2 == pytest.approx(last["d/loss"], rel=1e-5)


@pytest.mark.parametrize("kind", [jax.sharding.AxisType.Explicit, *long(jax.sharding.AxisType.Auto)])
def test_a_run_has_a_mesh_of_its_own(kind, tmp_path):
    config = tiny.get_config()
    config.train.update(num_steps=2, num_devices=1, sample_every=2, log_every=2)
    with jax.set_mesh(jax.make_mesh((2,), ("rows",), axis_types=(kind,))):
        assert int(jaxgan.train(config, tmp_path).step) == 2
        assert jax.sharding.get_abstract_mesh().axis_names == ("rows",)


def test_a_device_that_is_not_here_is_named():
    code = "import jax; jax.devices()"
    env = {**os.environ, "JAX_PLATFORMS": "rocm"}
    failed = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    error = RuntimeError(failed.stderr.splitlines()[-1].removeprefix("RuntimeError: "))
    assert "JAX finds no device here for JAX_PLATFORMS=" in str(surroundings.without_device(error))
    assert surroundings.without_device(RuntimeError("another")) is None
    assert surroundings.without_device(ValueError(str(error))) is None


def test_a_run_from_elsewhere_sends_nothing_without_consent(of_images, tmp_path, monkeypatch):
    stranger = shutil.copytree(of_images, tmp_path / "run")
    sent = []
    monkeypatch.setattr(jaxgan, "train", lambda config, workdir: sent.append(config.train.log_to))
    monkeypatch.setattr("jaxgan.rundir.saved_config.trusted_config", lambda run, **_: saved_config.load_config(run))
    for folder in stranger, of_images:
        text = (folder / "config.json").read_text()
        (folder / "config.json").write_text(text.replace('"log_to": "csv"', '"log_to": "csv, wandb"'))
    done = call(f"--workdir={stranger}")
    assert done.returncode == 1
    assert "was not trained in this folder of this machine" in done.stderr
    assert sent == []
    assert call(f"--workdir={stranger}", "--config.train.log_to=wandb").returncode == 0
    assert call(f"--workdir={stranger}", "--trust").returncode == 0
    assert call(f"--workdir={of_images}").returncode == 0
    assert sent == ["wandb", "csv, wandb", "csv, wandb"]


class Late:
    """What calls a closed event loop once it is let go, as writes of TensorStore do; or fails otherwise."""

    def __init__(self, error=None):
        self.error, self.loop = error, asyncio.new_event_loop()
        self.loop.close()

    def __del__(self):
        if self.error:
            raise self.error
        self.loop.call_soon_threadsafe(print)


def test_writes_that_come_too_late_for_orbax_report_nothing(monkeypatch):
    reported = []
    monkeypatch.setattr(sys, "unraisablehook", lambda found: reported.append(type(found.exc_value)))
    monkeypatch.setattr(logging.get_absl_logger(), "filters", [])
    Late()
    surroundings.quieten_failed_saves()
    Late()
    Late(RuntimeError("another"))
    Late(ValueError("Event loop is closed"))
    assert reported == [RuntimeError, RuntimeError, ValueError]


@pytest.mark.parametrize(("given", "expected"), [(None, "3"), ("0", "0")])
def test_xla_logs_nothing_short_of_the_end_unless_that_is_asked_for(monkeypatch, given, expected):
    """Its banner about slow compiles is logged as an error."""
    name, found = "TF_CPP_MIN_LOG_LEVEL", []
    monkeypatch.setenv(name, given or "")
    if given is None:
        monkeypatch.delenv(name)
    monkeypatch.setattr(signal, "signal", lambda *handled: None)
    monkeypatch.setattr(main, "run", lambda: found.append(os.environ[name]))
    start.main()
    assert found == [expected]
