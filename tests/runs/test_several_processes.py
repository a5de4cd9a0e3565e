"""Two processes as one run, of a job that is started by hand."""

import os
import signal
import time

import numpy as np
import pytest
import tiny
from cli import start
from processes import free_port

import jaxgan
from jaxgan.rundir import metrics_log, restore, steps
from jaxgan.rundir.evaluations import read_evaluations

SETTINGS = (
    f"--config={tiny.__file__}",
    "--config.model.dropout=0.3",
    "--config.train.num_steps=12",
    "--config.train.num_devices=0",
    "--config.train.log_every=1",
    "--config.train.sample_every=0",
    "--config.rule.d_steps=2",
    "--config.data.cache=none",
)


def begin(workdir, monkeypatch, *more):
    """Start both processes, of one device each."""
    monkeypatch.setenv("XLA_FLAGS", os.environ["XLA_FLAGS"].replace("device_count=2", "device_count=1"))
    job = f"--coordinator=localhost:{free_port()}", "--num_processes=2", f"--workdir={workdir}"
    return [start(*SETTINGS, *job, f"--process_id={number}", *more) for number in (0, 1)]


def end(processes):
    """Return status and last words of both."""
    said = [process.communicate(timeout=120)[1] for process in processes]
    return [process.returncode for process in processes], said


def arrays(workdir):
    return restore.read_all(workdir / "checkpoints" / str(max(steps.saved_steps(workdir))))


@pytest.mark.long
def test_two_processes_are_one_run_even_if_one_is_killed(tmp_path, monkeypatch):
    (tmp_path / "own.py").write_text("def embed(images):\n    return images.reshape(len(images), -1)[:, ::7] / 255\n")
    scored = {"every": 4, "num": 700, "features": f"{tmp_path}/own.py:embed"}
    flags = [f"--config.eval.{name}={value}" for name, value in scored.items()]
    with monkeypatch.context() as patch:
        processes = begin(tmp_path / "job", patch, "--config.train.num_steps=100000", *flags)
        while not metrics_log.read_metrics(tmp_path / "job") or not (tmp_path / "job" / "checkpoints" / "4").exists():
            assert processes[0].poll() is None, processes[0].communicate()[1]
            time.sleep(0.05)
        processes[1].send_signal(signal.SIGKILL)
        statuses, said = end(processes)
        assert statuses == [1, -signal.SIGKILL]
        assert "error: another process of this job ended or does not answer; start all of them again" in said[0]
        assert "Traceback" not in said[0]
        reached = max(steps.saved_steps(tmp_path / "job"))
        length = f"--config.train.num_steps={reached + 5}"
        statuses, said = end(begin(tmp_path / "job", patch, length, *flags))
    assert statuses == [0, 0], said
    assert f"resumed at step {reached} of {reached + 5}" in said[0]
    assert "finished" not in said[1]
    # In one process with as many devices each number is the same.
    config = settings(reached + 5)
    config.eval.update(scored)
    jaxgan.train(config, tmp_path / "alone")
    job, alone = arrays(tmp_path / "job"), arrays(tmp_path / "alone")
    assert job.keys() == alone.keys()
    for name, array in alone.items():
        np.testing.assert_array_equal(job[name], array, err_msg=name)
    rows = [[row["d/loss"] for row in metrics_log.read_metrics(tmp_path / name)] for name in ("job", "alone")]
    assert rows[0] == rows[1]
    scores = [[entry["metrics"] for entry in read_evaluations(tmp_path / name)] for name in ("job", "alone")]
    assert scores[0] == scores[1]
    assert "fd_embed" in scores[0][-1]


def test_a_mistake_is_said_once(tmp_path, monkeypatch):
    statuses, said = end(begin(tmp_path / "run", monkeypatch, "--config.data.batch_size=7"))
    assert statuses == [1, 1]
    assert said[0] == (
        "error: config.data.batch_size is 7, which does not divide among 2 devices; use a multiple of the number of "
        "devices, or set config.train.num_devices.\n"
    )
    assert said[1] == ""
    assert not (tmp_path / "run").exists()


@pytest.mark.long
@pytest.mark.parametrize("name", ["workdir", "warm_start"])
def test_a_folder_that_process_0_cannot_read_is_said_once(tmp_path, monkeypatch, name):
    (tmp_path / "run").write_text("")
    warm = [f"--config.train.warm_start={tmp_path}/run", f"--workdir={tmp_path}/new"] if name == "warm_start" else []
    statuses, said = end(begin(tmp_path / "run", monkeypatch, *warm))
    assert statuses == [1, 1]
    error = said[0].splitlines()[-1]
    assert error.startswith("error: ")
    assert ("which holds no checkpoints" if warm else "cannot be a folder") in error
    assert "error" not in said[1]


def settings(num_steps, d_steps=2, **train):
    """Return those of a job, for one process."""
    config = tiny.get_config()
    config.model.dropout, config.rule.d_steps, config.data.cache = 0.3, d_steps, "none"
    config.train.update(num_steps=num_steps, log_every=1, sample_every=0, num_devices=2, **train)
    return config


@pytest.mark.long
def test_two_processes_are_one_run(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        short = "--config.train.num_steps=3", "--config.rule.d_steps=1", "--config.train.checkpoint_every=0"
        statuses, said = end(begin(tmp_path / "job", patch, *short))
    assert statuses == [0, 0], said
    assert said[1] == ""
    jaxgan.train(settings(3, d_steps=1, checkpoint_every=0), tmp_path / "alone")
    job, alone = arrays(tmp_path / "job"), arrays(tmp_path / "alone")
    for name, array in alone.items():
        np.testing.assert_array_equal(job[name], array, err_msg=name)


@pytest.mark.long
def test_many_seeds_and_a_stop_of_another_process(tmp_path, monkeypatch):
    """A request to any process stops all after the same call; restarted, the job ends as one that nobody stopped."""
    many = "--config.train.num_replicas=2", "--config.train.checkpoint_every=50"
    with monkeypatch.context() as patch:
        both = begin(tmp_path / "job", patch, "--config.train.num_steps=100000", *many)
        while not metrics_log.read_metrics(tmp_path / "job"):
            assert both[0].poll() is None, both[0].communicate()[1]
            time.sleep(0.05)
        both[1].send_signal(signal.SIGUSR1)
        statuses, said = end(both)
        assert statuses == [0, 0], said
        reached = max(steps.saved_steps(tmp_path / "job" / "replicas" / "1"))
        assert f"stopped at step {reached} and saved" in said[0]
        assert said[1] == ""
        statuses, said = end(begin(tmp_path / "job", patch, f"--config.train.num_steps={reached + 3}", *many))
    assert statuses == [0, 0], said
    jaxgan.train(settings(reached + 3, num_replicas=2), tmp_path / "alone")
    for replica in "0", "1":
        job, alone = (arrays(tmp_path / name / "replicas" / replica) for name in ("job", "alone"))
        for name, array in alone.items():
            np.testing.assert_array_equal(job[name], array, err_msg=name)
    rows = [[row["d/loss/std"] for row in metrics_log.read_metrics(tmp_path / name)] for name in ("job", "alone")]
    assert rows[0] == rows[1]


@pytest.mark.long
def test_an_error_in_one_process_ends_the_other(tmp_path, monkeypatch):
    """The disk of process 0 refuses what it cannot do without, after all have agreed to begin."""
    (tmp_path / "run" / "metrics.jsonl").mkdir(parents=True)
    statuses, said = end(begin(tmp_path / "run", monkeypatch))
    assert statuses == [1, 1]
    assert said[0].splitlines()[-1].startswith("error: ")
    assert "error: another process of this job ended or does not answer" in said[1]
