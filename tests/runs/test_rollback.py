"""Runs made to collapse, with a watch that is made to see it at once."""

from typing import ClassVar

import jax
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan.runs import journal, metrics_log, steps
from jaxgan.runs.watch import Finding


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
    monkeypatch.setattr(journal, "Watch", Alarm)


def config(action):
    cfg = tiny.get_config()
    cfg.train.num_devices = cfg.train.steps_per_call = cfg.train.log_every = 1
    cfg.train.num_steps, cfg.train.checkpoint_every = 8, 3
    cfg.watch.action = action
    return cfg


def leaves(state):
    return jax.tree.leaves(state.replace(key=jax.random.key_data(state.key)))


def test_warning_is_said_once_and_training_goes_on(tmp_path, alarm, capfd):
    assert int(jaxgan.train(config("warn"), tmp_path).step) == 8
    assert capfd.readouterr().err.count("warning: all samples are alike") == 1


def test_stop_saves_and_is_not_repeated(tmp_path, alarm, capfd, monkeypatch):
    step = int(jaxgan.train(config("stop"), tmp_path).step)
    assert step == 6  # metrics are read one call late
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
    assert (tmp_path / "checkpoints" / "3.rolled_back").is_dir()
    plain = jaxgan.train(config("off"), tmp_path / "plain")
    assert not np.array_equal(jax.random.key_data(plain.key), jax.random.key_data(state.key))


def test_resume_after_a_rollback_is_bit_exact(tmp_path, alarm, monkeypatch):
    whole = jaxgan.train(config("rollback"), tmp_path / "whole")
    monkeypatch.setattr(Alarm, "seen", [])
    first = config("rollback")
    first.train.num_steps = 7
    jaxgan.train(first, tmp_path / "parts")
    parts = jaxgan.train(config("rollback"), tmp_path / "parts")
    for one, two in zip(leaves(whole), leaves(parts), strict=True):
        np.testing.assert_array_equal(one, two)


def test_number_of_rollbacks_is_bounded(tmp_path, alarm, capfd):
    cfg = config("rollback")
    cfg.watch.max_rollbacks = 0
    assert int(jaxgan.train(cfg, tmp_path).step) == 8
    assert "rolled back" not in capfd.readouterr().err
    assert steps.find_step(tmp_path, "latest") == 8
