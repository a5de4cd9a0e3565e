"""Runs made to collapse, with a watch that is made to see it at once."""

from pathlib import Path
from typing import ClassVar

import jax
import numpy as np
import pytest
import tiny
from long_form import LONG

import jaxgan
from jaxgan.base import files
from jaxgan.rundir import checkpoint, layout, metrics_log, steps
from jaxgan.runs import clock, run, train as train_lib
from jaxgan.runs.health import rollback, watch
from jaxgan.runs.health.watch import Finding


class Alarm:
    """A watch that finds something at one step, the first time it is shown it."""

    seen: ClassVar[list[int]] = []

    def __init__(self, **_):
        pass

    def update(self, row):
        if row["step"] != 5 or Alarm.seen:
            return []
        Alarm.seen.append(5)
        return [Finding(5, "alike", "error", "all samples are alike", {"sample/diversity": 0.0})]


@pytest.fixture
def alarm(monkeypatch):
    monkeypatch.setattr(Alarm, "seen", [])
    monkeypatch.setattr(watch, "Watch", Alarm)


def config(action):
    cfg = tiny.get_config()
    cfg.train.num_devices = cfg.train.steps_per_call = cfg.train.log_every = 1
    cfg.train.num_steps, cfg.train.checkpoint_every = 8, 3
    cfg.watch.action = action
    return cfg


def leaves(state):
    return jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))


@pytest.mark.long
def test_warning_is_said_once_and_training_goes_on(tmp_path, alarm, capfd):
    assert int(jaxgan.train(config("warn"), tmp_path).step) == 8
    assert capfd.readouterr().err.count("warning: all samples are alike") == 1


def test_stop_saves_and_is_not_repeated(tmp_path, alarm, capfd, monkeypatch):
    step = int(jaxgan.train(config("stop"), tmp_path).step)
    assert step == 5
    assert "training collapsed" in capfd.readouterr().err
    monkeypatch.setattr(Alarm, "seen", [])
    assert int(jaxgan.train(config("stop"), tmp_path).step) == step
    assert "nothing to do" in capfd.readouterr().err


def test_rollback_goes_on_from_the_earlier_state_with_a_fresh_key(tmp_path, alarm, capfd):
    state = jaxgan.train(config("rollback"), tmp_path)
    assert int(state.step) == 8
    said = capfd.readouterr().err
    assert "rolled back from step 6 to step 3" in said
    assert [row["step"] for row in metrics_log.read_metrics(tmp_path)] == list(range(1, 9))
    assert [(one["from"], one["to"]) for one in rollback.read_rollbacks(tmp_path)] == [(6, 3)]
    assert not list((tmp_path / "checkpoints").glob("*.rolled_back"))  # nothing came after it
    plain = jaxgan.train(config("off"), tmp_path / "plain")
    assert not np.array_equal(jax.random.key_data(plain.key), jax.random.key_data(state.key))


def test_the_copy_of_a_custom_gan_is_what_trains_whatever_becomes_of_its_file(tmp_path, alarm):
    own, trained = tmp_path / "own.py", Path(tiny.__file__).read_text()
    own.write_text(trained)
    cfg = config("rollback")
    cfg.gan = str(own)
    jaxgan.train(cfg, tmp_path / "run", on_log=lambda row: own.write_text(trained.replace("Dense(16)", "Dense(17)")))
    assert rollback.read_rollbacks(tmp_path / "run")
    assert (tmp_path / "run" / layout.GAN_FILE).read_text() == trained
    assert jaxgan.load(tmp_path / "run", trust=True).variables


def test_time_before_a_rollback_counts_once(tmp_path, alarm, monkeypatch):
    clocks = []
    monkeypatch.setattr(train_lib, "Clock", lambda *args: clocks.append(clock.Clock(*args)) or clocks[-1])
    jaxgan.train(config("rollback"), tmp_path)
    assert len(rollback.read_rollbacks(tmp_path)) == 1
    assert [one.before for one in clocks] == [0]


def test_resume_after_a_rollback_is_bit_exact(tmp_path, alarm, monkeypatch):
    whole = jaxgan.train(config("rollback"), tmp_path / "whole")
    monkeypatch.setattr(Alarm, "seen", [])
    first = config("rollback")
    first.train.num_steps = 7
    jaxgan.train(first, tmp_path / "parts")
    parts = jaxgan.train(config("rollback"), tmp_path / "parts")
    for one, two in zip(leaves(whole), leaves(parts), strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_step_that_only_a_stop_saved_is_no_target_where_there_are_others():
    finding = Finding(6, "alike", "error", "all samples are alike", {})
    assert rollback.choose_target([3, 5], None, finding, lambda step: step % 3 == 0) == 3
    assert rollback.choose_target([3, 5], None, finding, lambda step: False) == 5
    assert rollback.choose_target([3, 5], 5, finding, lambda step: step % 3 == 0) == 5


def test_the_best_of_after_the_collapse_is_no_target():
    """As after a change of how scores are made, since when the collapsed state is the only one that is scored."""
    finding = Finding(6, "worse", "warning", "eval/swd was worse", {}, since=4)
    assert rollback.choose_target([3, 6], 6, finding, lambda step: True) == 3


def test_number_of_rollbacks_is_bounded(tmp_path, alarm, capfd):
    cfg = config("rollback")
    cfg.watch.max_rollbacks = 0
    assert int(jaxgan.train(cfg, tmp_path).step) == 8
    assert "rolled back" not in capfd.readouterr().err
    assert steps.find_step(tmp_path, "latest") == 8


class LateAlarm(Alarm):
    """A watch that finds, whenever it is shown row 6, that training went wrong after step 3."""

    def update(self, row):
        return [Finding(6, "collapsed", "error", "it fell", {}, since=3)] if row["step"] == 6 else []


def test_a_state_from_the_collapse_is_no_target(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(watch, "Watch", LateAlarm)
    cfg = config("rollback")
    cfg.watch.max_rollbacks = 2
    jaxgan.train(cfg, tmp_path)
    said = capfd.readouterr().err
    assert said.count("rolled back from step 6 to step 3") == 2
    assert steps.find_step(tmp_path, "latest") == 8


@pytest.mark.parametrize("cut", [pytest.param("set_aside", marks=LONG), "write"])
def test_a_rollback_that_is_cut_short_loses_nothing(tmp_path, alarm, monkeypatch, cut):
    whole = jaxgan.train(config("rollback"), tmp_path / "whole")
    monkeypatch.setattr(Alarm, "seen", [])
    with monkeypatch.context() as patch:
        place, name = (checkpoint.Checkpoints, "set_aside") if cut == "set_aside" else (files, "write")

        def fail(self, *args, **kwargs):
            if cut == "set_aside" or "rollbacks" in str(self):
                raise OSError("the disk is gone")
            return write(self, *args, **kwargs)

        write = files.write
        patch.setattr(place, name, fail)
        with pytest.raises(OSError, match="the disk is gone"):
            jaxgan.train(config("rollback"), tmp_path / "parts")
    assert steps.saved_steps(tmp_path / "parts") == [3]
    if cut == "write":
        monkeypatch.setattr(Alarm, "seen", [])
    parts = jaxgan.train(config("rollback"), tmp_path / "parts")
    for one, two in zip(leaves(whole), leaves(parts), strict=True):
        np.testing.assert_array_equal(one, two)


def test_work_that_was_given_up_is_not_resumed(tmp_path, capfd):
    jaxgan.train(config("off"), tmp_path)  # leaves steps 6 and 8
    (tmp_path / layout.ROLLBACKS_FILE).write_text('[{"from": 7, "to": 6, "kind": "alike"}]')
    cfg = config("off")
    cfg.train.num_steps = 7
    state = jaxgan.train(cfg, tmp_path)
    assert int(state.step) == 7
    assert (tmp_path / "checkpoints" / "8.rolled_back").is_dir()
    assert "resumed at step 6" in capfd.readouterr().err


@pytest.mark.parametrize("content", ["{", "[1]", '[{"to": "x"}]', "[" * 99999])
def test_a_file_that_is_no_list_of_rollbacks_is_said(tmp_path, capfd, content):
    (tmp_path / layout.ROLLBACKS_FILE).write_text(content)
    assert rollback.read_rollbacks(tmp_path) == []
    assert "is no list of rollbacks" in capfd.readouterr().err


@pytest.mark.long
def test_numbers_that_are_none_are_rolled_back_too(tmp_path, monkeypatch, capfd):
    jaxgan.train(config("off"), tmp_path / "plain")
    add = run.Run.add

    def once(self, first, num, metrics, now):
        if first == 4 and not self.rollbacks:
            metrics = {**metrics, "g/loss": np.full(num, np.nan)}
        add(self, first, num, metrics, now)

    monkeypatch.setattr(run.Run, "add", once)
    assert int(jaxgan.train(config("rollback"), tmp_path / "run").step) == 8
    assert "rolled back from step 6 to step 3" in capfd.readouterr().err
    with pytest.raises(FloatingPointError, match="became nan"):
        jaxgan.train(config("warn"), tmp_path / "other")
