"""The command line, as a user meets it: each mistake is one sentence and exit status 1."""

import io
import json
import re
import shutil
import signal
import sys
import time
import types

import jax
import numpy as np
import pytest
from cli import ROOT, call, run, start

import jaxgan
from jaxgan.cli import flags as cli_flags, surroundings
from jaxgan.runs import evaluate

TINY = f"--config={ROOT / 'tests' / 'tiny.py'}"
# In this process, as in one of its own, compiled programs are those of the tests.
pytestmark = pytest.mark.usefixtures("cache")
SHORT = ["--config.train.num_steps=2", "--config.train.sample_every=0", "--config.train.checkpoint_every=0"]
BOTH = "--config.train.num_devices=2"


@pytest.fixture(scope="module")
def cache():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(jax.config.jax_compilation_cache_dir))
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    done = run(TINY, f"--workdir={workdir}", *SHORT, BOTH)
    assert done.returncode == 0, done.stderr
    return workdir, done


def test_train_says_what_and_where(trained):
    workdir, done = trained
    assert "2 x cpu (cpu)" in done.stderr
    assert f"images, metrics and checkpoints are in {workdir}" in done.stderr
    assert (workdir / "metrics.jsonl").read_text().count("\n") == 1


def test_same_command_resumes(trained):
    workdir, _ = trained
    done = call(TINY, f"--workdir={workdir}", *SHORT, BOTH)
    assert done.returncode == 0, done.stderr
    assert "is at step 2 of 2" in done.stderr


def test_the_workdir_alone_resumes_and_keeps_what_was_changed_before(tmp_path):
    changes = ["--config.data.range=0,1", "--config.train.log_every=1"]
    assert call(TINY, f"--workdir={tmp_path}", *SHORT, *changes).returncode == 0
    refused = call(f"--workdir={tmp_path}", "--config.train.num_steps=3")
    assert refused.returncode == 1
    assert "gan.py, a file that would be executed" in refused.stderr
    done = call(f"--workdir={tmp_path}", "--trust", "--config.train.num_steps=3")
    assert done.returncode == 0, done.stderr
    assert "resumed at step 2 of 3" in done.stderr
    saved = json.loads((tmp_path / "config.json").read_text())["config"]
    assert saved["data"]["range"] == [0, 1]
    assert (saved["train"]["num_steps"], saved["train"]["log_every"], saved["train"]["sample_every"]) == (3, 1, 0)


def test_sample_needs_only_the_workdir(trained, tmp_path):
    done = call("--mode=sample", f"--workdir={trained[0]}", "--trust", "--num=4", f"--out={tmp_path / 'a.png'}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"wrote {tmp_path / 'a.png'}\n"
    assert (tmp_path / "a.png").stat().st_size > 100


def test_samples_as_an_array_and_as_files(trained, tmp_path):
    options = ["--trust", "--truncation=0.5", "--z_scale=2", "--stats=batch", "--weights=raw", "--step=2", "--seed=7"]
    for out in (tmp_path / "a.NPY", f"{tmp_path}/files/"):
        done = call("--mode=sample", f"--workdir={trained[0]}", "--num=3", f"--out={out}", *options)
        assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "a.NPY").shape == (3, 8, 8, 1)
    assert sorted(path.name for path in (tmp_path / "files").iterdir()) == ["000000.png", "000001.png", "000002.png"]


def test_interpolate_and_progress(tmp_path):
    done = call(TINY, f"--workdir={tmp_path}", "--config.train.num_steps=2", "--config.train.sample_every=1")
    assert done.returncode == 0, done.stderr
    for args, name in (
        (["--mode=interpolate", "--trust", "--scale=2"], "interpolation.png"),
        (["--mode=sample", f"--out={tmp_path}/a.gif"], "a.gif"),
    ):
        done = call(*args, f"--workdir={tmp_path}")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"wrote {tmp_path / name}\n"


def test_summary_as_a_image(tmp_path):
    done = call("--mode=summary", TINY, f"--out={tmp_path / 'model.svg'}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.svg").read_text().startswith("<?xml")


def test_summary_of_a_run_and_of_a_change_to_it(trained):
    for change, shape in (([], "8x8x1"), (["--config.data.image_size=6"], "6x6x1")):
        done = call("--mode=summary", f"--workdir={trained[0]}", "--trust", *change)
        assert done.returncode == 0, done.stderr
        assert f"image {shape} in [-1, 1]" in done.stdout


def test_default_workdir_is_named_after_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = call(TINY, *SHORT)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "tiny" / "checkpoints" / "2").is_dir()


def test_summary_of_dcgan_has_the_published_counts():
    done = call("--mode=summary", f"--config={ROOT}/configs/dcgan.py")
    assert done.returncode == 0, done.stderr
    assert "Total 2,344,864 (trainable 2,343,904, not trainable 960)" in done.stdout
    assert "Total 212,673 (trainable 212,673, not trainable 0)" in done.stdout
    assert "second discriminator" not in done.stdout


@pytest.mark.long
def test_summary_names_a_second_discriminator():
    done = call("--mode=summary", f"--config={ROOT}/configs/images64.py")
    assert done.returncode == 0, done.stderr
    assert "Not counted: a second discriminator on features of EfficientNet-Lite0" in done.stdout


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ([TINY, "--config.train.num_stps=2"], 'num_stps is no setting; .* Did you mean "config.train.num_steps"'),
        ([TINY, "--config.train.num_steps=many"], "--config.train.num_steps=many is not a whole number"),
        ([TINY, "--config.train.num_steps", "2.5"], "--config.train.num_steps=2.5 is not a whole number"),
        ([TINY, "--config.model.dropout=much"], "--config.model.dropout=much is not a number"),
        ([TINY, "--config.model.conditional=maybe"], "--config.model.conditional=maybe is not true or false"),
        ([TINY, "--config.data.range=abc"], "--config.data.range=abc is no list; write one as in .*=1,2"),
        ([TINY, "--config.data=3"], "--config.data is no setting"),
        ([TINY, "--config.trian.num_steps=2"], "trian.num_steps is no setting"),
        (["--config=configs/missing.py"], "--config=configs/missing.py is no Python file"),
        ([f"--config={ROOT / 'tests' / 'cli.py'}"], "has no get_config"),
        ([], "w is not there, so it is no run; give --config, a file .*, or the --workdir of a run"),
        (["--config.seed=2"], "--config.seed changes a setting, but .*w is no run; add --config=FILE"),
        (["--mode=sample"], "needs --workdir"),
        (["--mode=sampel", TINY], "sampel"),
        (["--notrust=1", TINY], "--notrust=1 does not take an argument"),
        (["--num", TINY], "--num=--config=.* is not a whole number"),
        (["--mode=sample", "--workdir=mnits"], 'mnits is not there; .* or mnist_classes, .* Did you mean "mnist"'),
        ([TINY, "train"], "'train' is no flag"),
        ([TINY, "--config.gan=dcgam"], 'Did you mean "dcgan"'),
        ([TINY, BOTH, "--config.data.batch_size=7"], "does not divide among 2 devices"),
        ([TINY, "--config.data.batch_size=5000"], "has 4096 images"),
        ([TINY, "--config.data.source=folder", "--config.data.path=nowhere"], "nowhere"),
        ([TINY, "--num=3"], "--num means nothing to --mode=train; leave it out: what counts is --config, --workdir"),
        (["--mode=interpolate", "--workdir=x", "--z_scale=1"], "--z_scale means nothing to --mode=interpolate"),
        (["--mode=sample", "--workdir=x", "--label=1", "--out=a.GIF"], "--label means nothing to a .gif"),
        (["--mode=sample", "--workdir=x", TINY], "--config means nothing to --mode=sample"),
        (["--config=dcgan:more"], "--config=dcgan:more does not fit its get_config"),
        (["--mode=summary", TINY, "--step=3"], "--step means nothing to --mode=summary"),
        (["--mode=summary", TINY, "--workdir=x"], "of --config or of --workdir; leave one of them out"),
    ],
)
def test_mistakes_are_one_sentence(args, sentence, tmp_path):
    workdir = [] if any("--workdir" in a for a in args) or "--mode=sample" in args else [f"--workdir={tmp_path}/w"]
    done = call(*args, *workdir)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert re.search(sentence, done.stderr), done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_setting_needs_a_configuration():
    said = call("--config.seed=2").stderr
    assert "--config.seed changes a setting, but there is no configuration; add --config=FILE or the --workdir" in said


def test_a_list_may_be_one_number():
    assert [cli_flags.read_list("train.ema_stds", text) for text in ("0.1", "0.1,", "1,2")] == [(0.1,), (0.1,), (1, 2)]


def test_help_and_the_version_are_no_failures():
    shown = run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "--workdir:" in shown.stdout
    shown = call("--version")
    assert (shown.returncode, shown.stdout) == (0, f"jaxgan {jaxgan.__version__}\n")


def test_a_file_that_the_system_refuses_is_named(trained):
    place = trained[0] / "config.json" / "a.png"
    done = call("--mode=sample", f"--workdir={trained[0]}", f"--out={place}", "--trust")
    assert done.returncode == 1
    assert done.stderr == f"error: {place.parent} could not be read or written (File exists).\n"


def test_a_device_without_memory_is_said_in_one_sentence(tmp_path):
    huge = tmp_path / "huge.py"
    huge.write_text("import jax.numpy as jnp\n\n\ndef features(images):\n    return jnp.ones((10**8, 10**8))\n")
    done = call(TINY, f"--workdir={tmp_path}/w", "--config.eval.every=2", f"--config.eval.features={huge}:features")
    assert done.returncode == 1
    assert "has too little memory (JaxRuntimeError: RESOURCE_EXHAUSTED" in done.stderr
    assert "Traceback" not in done.stderr


def test_features_of_the_images_of_a_run_need_no_trust(trained, monkeypatch):
    seen = []
    net = types.SimpleNamespace(distance_name="fd_mine", about="made")
    monkeypatch.setattr(evaluate, "train_features", lambda config, on_step: seen.append(config) or net)
    done = call("--mode=features", f"--workdir={trained[0]}")
    assert (done.returncode, done.stdout) == (0, "fd_mine: made\n"), done.stderr
    assert seen[0].data.source == "synthetic"


def test_a_mistake_ends_the_process_with_status_1():
    done = run("--num=3")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_flags_of_settings_are_refused_where_a_mode_has_none(trained):
    done = call("--mode=sample", f"--workdir={trained[0]}", "--config.data.image_size=12")
    assert done.returncode == 1
    assert "--config.data.image_size means nothing to --mode=sample" in done.stderr


@pytest.mark.long
def test_a_mistake_in_a_config_file_is_shown_with_its_place(tmp_path):
    (tmp_path / "mine.py").write_text("def get_config():\n    return len(3)\n")
    done = run(f"--config={tmp_path / 'mine.py'}")
    assert done.returncode == 1
    assert 'mine.py", line 2, in get_config' in done.stderr
    assert "TypeError: object of type 'int' has no len()" in done.stderr


def test_names_out_of_files_are_printed_without_what_a_terminal_obeys(trained, tmp_path, monkeypatch):
    shutil.copytree(trained[0], tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "2" / "state" / "a\x1b[2J\nb").symlink_to("/dev/zero")
    done = call("--mode=verify", f"--workdir={tmp_path / 'run'}")
    assert done.returncode == 1
    assert call("--mode=verify", f"--workdir={trained[0]}").stdout.splitlines()[-1].endswith(": intact")
    name = "a\x1b[2J\nb"
    entry = {"step": 2, "metrics": {name: 1.0}, "floor": {}, "protocol": name, "features": {"about": name}}
    monkeypatch.setattr(evaluate, "evaluate_run", lambda *args, **kwargs: ([entry], None))
    scored = call("--mode=evaluate", f"--workdir={trained[0]}", "--out=scores.json")
    assert scored.returncode == 1  # nothing was written, as where the disk refuses
    for text, count in ((done.stdout, 1), (scored.stdout, 3)):
        assert text.count(r"a\x1b[2J\nb") == count
        assert all(line.isprintable() for line in text.splitlines())


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_stream_that_has_not_all_letters_stops_nothing(name, monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, name, stream)
    surroundings.open_streams()
    print("\u00e9t\u00e9", file=getattr(sys, name))
    assert stream.buffer.getvalue() == rb"\xe9t\xe9" + b"\n"


# ---- Ctrl-C ---------------------------------------------------------------------------------------------------------

SLEEP = "import time\nprint('here', flush=True)\ntime.sleep(100)\n"


def interrupted(process):
    """Press Ctrl-C, again and again, until a process ends; return what it said."""
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
    err = process.stderr.read()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    return err


def test_ctrl_c_while_modules_are_imported(tmp_path):
    (tmp_path / "jax.py").write_text(SLEEP)
    with start(TINY, path=tmp_path) as process:
        assert process.stdout.readline() == "here\n"
        assert interrupted(process) == "interrupted\n"


def test_ctrl_c_while_a_mode_prepares(tmp_path):
    (tmp_path / "slow.py").write_text(SLEEP)
    with start(f"--config={tmp_path / 'slow.py'}") as process:
        assert process.stdout.readline() == "here\n"
        assert interrupted(process) == "interrupted\n"


@pytest.mark.long
def test_impatient_ctrl_c_in_training(tmp_path):
    long = ["--config.train.num_steps=1000000", "--config.train.log_every=10", "--config.train.sample_every=0"]
    with start(TINY, f"--workdir={tmp_path}", *long) as process:
        while not process.stderr.readline().startswith("step "):
            assert process.poll() is None
        err = interrupted(process)
    assert err.endswith("interrupted\n")
    assert err.count("interrupted\n") == 1
