"""The command line, as a user meets it: each mistake is one sentence and exit status 1."""

import pytest
from cli import ROOT, run

TINY = f"--config={ROOT / 'tests' / 'tiny.py'}"
SHORT = ["--config.train.num_steps=2", "--config.train.sample_every=0", "--config.train.checkpoint_every=0"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("run")
    done = run(TINY, f"--workdir={workdir}", *SHORT)
    assert done.returncode == 0, done.stderr
    return workdir, done


def test_train_says_what_and_where(trained):
    workdir, done = trained
    assert "2 x cpu (cpu)" in done.stderr
    assert f"pictures, metrics and checkpoints are in {workdir}" in done.stderr
    assert (workdir / "metrics.jsonl").read_text().count("\n") == 1


def test_same_command_resumes(trained):
    workdir, _ = trained
    done = run(TINY, f"--workdir={workdir}", *SHORT)
    assert done.returncode == 0, done.stderr
    assert "resumed at step 2 of 2" in done.stderr


def test_sample_needs_only_the_workdir(trained, tmp_path):
    done = run("--mode=sample", f"--workdir={trained[0]}", "--num=4", f"--out={tmp_path / 'a.png'}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"wrote {tmp_path / 'a.png'}\n"
    assert (tmp_path / "a.png").stat().st_size > 100


def test_interpolate_and_progress(tmp_path):
    done = run(TINY, f"--workdir={tmp_path}", "--config.train.num_steps=2", "--config.train.sample_every=1")
    assert done.returncode == 0, done.stderr
    for args, name in (
        (["--mode=interpolate"], "interpolation.png"),
        (["--mode=sample", f"--out={tmp_path}/a.gif"], "a.gif"),
    ):
        done = run(*args, f"--workdir={tmp_path}")
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"wrote {tmp_path / name}\n"


def test_summary_as_a_picture(tmp_path):
    done = run("--mode=summary", TINY, f"--out={tmp_path / 'model.svg'}")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model.svg").read_text().startswith("<?xml")


def test_default_workdir_is_named_after_the_config(tmp_path):
    done = run(TINY, *SHORT, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "runs" / "tiny" / "checkpoints" / "2").is_dir()


def test_summary_of_dcgan_has_the_published_counts():
    done = run("--mode=summary", "--config=configs/dcgan.py")
    assert done.returncode == 0, done.stderr
    assert "Total 2,344,864 (trainable 2,343,904, not trainable 960)" in done.stdout
    assert "Total 212,673 (trainable 212,673, not trainable 0)" in done.stdout


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ([TINY, "--config.train.num_stps=2"], "num_stps"),
        ([TINY, "--config.train.num_steps=many"], "num_steps"),
        ([TINY, "--config.trian.num_steps=2"], "trian"),
        (["--config=configs/missing.py"], "configs/missing.py"),
        ([], "needs --config"),
        (["--mode=sample"], "needs --workdir"),
        (["--mode=sampel", TINY], "sampel"),
        (["--mode=sample", "--workdir=missing"], "missing holds no config.json"),
        ([TINY, "train"], "'train' is no flag"),
        ([TINY, "--config.gan=dcgam"], 'Did you mean "dcgan"'),
        ([TINY, "--config.data.batch_size=7"], "does not divide among 2 devices"),
        ([TINY, "--config.data.batch_size=5000"], "has 4096 pictures"),
        ([TINY, "--config.data.source=folder", "--config.data.path=nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_one_sentence(args, sentence, tmp_path):
    workdir = [] if any("--workdir" in a for a in args) or "--mode=sample" in args else [f"--workdir={tmp_path}/w"]
    done = run(*args, *workdir)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
