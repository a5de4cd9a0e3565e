"""A run's folder may have any name, and may come from anybody."""

import importlib
import os
import shutil
import socket

import jax
import numpy as np
import pytest
import tiny
from long_form import long

import jaxgan
from jaxgan import data
from jaxgan.base import files
from jaxgan.base.checks import UserError
from jaxgan.generators import gallery
from jaxgan.rundir import evaluations, layout, metrics_log, restore, saved_config, steps
from jaxgan.rundir.checkpoint import Checkpoints
from jaxgan.rundir.lock import locked
from jaxgan.runs.health import rollback
from jaxgan.runs.record import report
from jaxgan.runs.setup import create_setup

# What libraries take for patterns, escapes, addresses, or text.
NAMES = [
    "lr=[1,2]",
    "[a-z]",
    "a\\b",
    "*",
    "a?b",
    "{x}",
    "%20",
    "a b",
    "ä",
    "a\nb",
    "file:",
    "gs:",
    os.fsdecode(b"\xff\xfe"),
]


@pytest.fixture(scope="module")
def setup():
    config = tiny.get_config()
    return create_setup(config, data.open_source(config.data), jax.local_devices()[:1])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small run of a GAN of the package, with a grid, scores and a checkpoint."""
    workdir = tmp_path_factory.mktemp("run")
    jaxgan.train(small(), workdir)
    return workdir


def small(num_steps=2):
    config = importlib.import_module("configs.gan_mlp").get_config()
    config.model.hidden = config.model.latent_size = 2
    config.data.update(source="synthetic", image_size=8, batch_size=2, skip=0)
    config.sample.num = 4
    config.train.update(num_devices=1, num_steps=num_steps, log_every=1, sample_every=1, steps_per_call=1)
    config.eval.update(every=1, num=16, metrics="swd", features="none")
    return config


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parent", [True, *long(False)])
def test_checkpoints_are_written_and_read_in_a_folder_of_any_name(name, parent, tmp_path, setup):
    workdir = tmp_path / name / "run" if parent else tmp_path / name
    state = setup.new_state()
    with Checkpoints(workdir, keep=1) as checkpoints:
        checkpoints.save(3, state)
        checkpoints.save(5, state)
        checkpoints.wait()
        back, _ = checkpoints.restore(setup.state_shapes, 5)
    assert steps.saved_steps(workdir) == [5]
    assert restore.verify(workdir) == [(5, "")]
    for a, b in zip(jax.tree.leaves(state.g), jax.tree.leaves(back.g), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.long
def test_a_run_in_a_folder_of_any_name_is_recorded_and_resumed(tmp_path, run):
    workdir = tmp_path / "lr=[1,2]" / "*\\"
    jaxgan.train(small(1), workdir)
    jaxgan.train(small(2), workdir)
    assert restore.verify(workdir)[-1] == (2, "")
    assert {path.name for path in workdir.iterdir()} == {path.name for path in run.iterdir()}
    losses, whole = ([row["g/loss"] for row in metrics_log.read_metrics(folder)] for folder in (workdir, run))
    assert losses == whole


def test_a_folder_whose_name_is_no_text_is_refused_before_training(tmp_path):
    workdir = tmp_path / os.fsdecode(b"\xff")
    with pytest.raises(UserError, match="expected text in UTF-8"):
        jaxgan.train(small(1), workdir)
    assert not workdir.exists()


def test_what_is_missing_in_a_checkpoint_is_reported_when_it_is_written(tmp_path, setup, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    write = checkpoints._writer.save

    def lose(path, **kwargs):
        write(path, **kwargs)
        (path / "state" / "manifest.ocdbt").unlink()

    monkeypatch.setattr(checkpoints._writer, "save", lose)
    checkpoints.save(3, setup.new_state())
    with pytest.raises(OSError, match="a checkpoint could not be written to"):
        checkpoints.wait()
    assert checkpoints.steps() == []


FOLDERS = layout.CHECKPOINTS, layout.SAMPLES, layout.REPLICAS, layout.TENSORBOARD


@pytest.mark.parametrize("name", FOLDERS)
def test_no_folder_is_written_through_a_link(name, tmp_path, run):
    workdir, outside = tmp_path / "run", tmp_path / "outside"
    shutil.copytree(run, workdir)
    shutil.rmtree(workdir / name, ignore_errors=True)
    outside.mkdir()
    (workdir / name).symlink_to(outside)
    with pytest.raises(UserError, match=f"{name} is a symbolic link, but a run writes into its own folders"):
        jaxgan.train(small(3), workdir)
    assert list(outside.iterdir()) == []


def test_no_replica_is_written_through_a_link(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "run" / "replicas").mkdir(parents=True)
    (tmp_path / "run" / "replicas" / "1").symlink_to(outside)
    config = small()
    config.train.num_replicas, config.eval.every = 2, 0
    with pytest.raises(UserError, match="replicas/1 is a symbolic link"):
        jaxgan.train(config, tmp_path / "run")
    assert list(outside.iterdir()) == []


def test_what_lies_in_the_place_of_a_checkpoint_in_the_making_goes(tmp_path):
    (tmp_path / "outside").mkdir()
    folder = layout.checkpoints(tmp_path)
    (folder / "5.deleted" / "state").mkdir(parents=True)
    (folder / "3.tmp").write_text("")
    (folder / "4.tmp").symlink_to(tmp_path / "outside")
    with Checkpoints(tmp_path):
        assert list(folder.iterdir()) == []
    assert (tmp_path / "outside").is_dir()


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_the_lock_does_not_touch_another_file(link, tmp_path):
    other = tmp_path / "mine.txt"
    other.write_text("mine")
    (tmp_path / "run").mkdir()
    link(other, tmp_path / "run" / layout.LOCK_FILE)
    with pytest.raises(UserError, match=r"\.lock is no regular file"), locked(tmp_path / "run"):
        pass
    assert other.read_text() == "mine"


WRITTEN = (
    layout.CONFIG_FILE, layout.METRICS_FILE, layout.EVALUATION_FILE, layout.REPORT_FILE,
    "samples/step_00000003.png", "samples/data.png", *long(layout.LOSSES_FILE, layout.PROGRESS_FILE),
)  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_no_file_is_written_through_a_link(name, tmp_path, run):
    workdir, other = tmp_path / "run", tmp_path / "mine.txt"
    shutil.copytree(run, workdir)
    content = (workdir / name).read_bytes() if (workdir / name).exists() else b"mine"
    other.write_bytes(content)
    (workdir / name).unlink(missing_ok=True)
    (workdir / name).symlink_to(other)
    try:
        jaxgan.train(small(3), workdir)
    except UserError as error:
        assert f"{name} is no regular file" in str(error)  # noqa: PT017
    else:
        assert files.is_regular(workdir / name)
    assert other.read_bytes() == content


def link_to(target):
    return lambda path: path.symlink_to(target)


def make_socket(path):
    before = os.getcwd()
    os.chdir(path.parent)  # for a socket's address may have a hundred characters
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(path.name)
    os.chdir(before)


KINDS = {
    "pipe": os.mkfifo,
    "endless": link_to("/dev/zero"),
    "terminal": link_to("/dev/tty"),
    "socket": make_socket,
    "folder": os.mkdir,
    "link": link_to("/etc/hostname"),
    "loop": lambda path: path.symlink_to(path),
}
READERS = {
    layout.CONFIG_FILE: saved_config.load_saved,
    layout.METRICS_FILE: metrics_log.read_metrics,
    layout.EVALUATION_FILE: evaluations.read_evaluations,
    layout.ROLLBACKS_FILE: rollback.read_rollbacks,
}
STEP = f"{layout.CHECKPOINTS}/2"
NEEDED = layout.RECORD, "record", "state", "state/manifest.ocdbt", "state/d"
NOT_NEEDED = layout.STEP_FILE, "state/_METADATA", "x"  # what nothing is read of may be a folder


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_file_is_refused_at_once(name, kind, tmp_path):
    KINDS[kind](tmp_path / name)
    with pytest.raises(UserError, match=f"{name} is no regular file, but a link, a folder or a device"):
        READERS[name](tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NEEDED + NOT_NEEDED)
def test_what_is_no_file_in_a_checkpoint_is_damage(name, kind, tmp_path, run):
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / STEP / name
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    KINDS[kind](path)
    (wrong,) = [wrong for step, wrong in restore.verify(tmp_path / "run") if step == 2]
    harmless = kind == "folder" and name in NOT_NEEDED
    assert bool(wrong) != harmless
    if wrong:
        with pytest.raises(UserError, match="is damaged"):
            jaxgan.load(tmp_path / "run", 2)


def test_a_checkpoint_that_is_a_link_is_damage(tmp_path, run):
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / STEP).rename(tmp_path / "2")
    (tmp_path / "run" / STEP).symlink_to(tmp_path / "2")
    with pytest.raises(UserError, match="is damaged"):
        jaxgan.load(tmp_path / "run", 2)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_grid_is_left_out(kind, tmp_path, run):
    workdir = tmp_path / "run"
    shutil.copytree(run, workdir)
    before = layout.grids(workdir)
    KINDS[kind](layout.grid_file(workdir, 3))
    assert layout.grids(workdir) == before
    gallery.save_progress(workdir, tmp_path / "progress.gif")
    report.save_report(workdir, *saved_config.load_config(workdir), None)


def test_a_file_that_is_too_large_is_refused(tmp_path):
    with (tmp_path / layout.CONFIG_FILE).open("wb") as file:
        file.truncate(2**40)  # takes no room on the disk
    with pytest.raises(UserError, match=r"config\.json has more than [0-9,]+ bytes"):
        saved_config.load_saved(tmp_path)


def test_every_name_of_a_run_is_in_the_layout(run):
    known = {value for name, value in vars(layout).items() if name.isupper()}
    assert {path.name for path in run.iterdir()} <= known
