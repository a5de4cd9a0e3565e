"""Runs that end by the clock: what is written, and that they go on as if nothing had ended them."""

import math

import jax
import numpy as np
import pytest
import tiny

import jaxgan
from jaxgan.rundir.evaluations import read_evaluations
from jaxgan.rundir.metrics_log import read_metrics
from jaxgan.runs import clock as clock_lib, resume


def test_the_time_left_is_that_of_all_processes_without_what_scores_take(monkeypatch):
    monkeypatch.setattr(clock_lib.time, "monotonic", lambda: 130.0)
    clock = clock_lib.Clock(5, began=100.0)
    assert clock.left() == 270
    clock.continue_after(60.0)
    clock.continue_after(90.0)  # of a checkpoint of this process, after a rollback
    assert (clock.spent, clock.left()) == (90.0, 210.0)
    clock.note_ending(20)
    clock.note_ending(10)
    assert clock.left() == 190
    assert clock_lib.Clock(0, began=0.0).left() == math.inf


@pytest.fixture
def timed(monkeypatch):
    """A time that passes by one minute at each look."""

    def spent(self):
        self.looks = getattr(self, "looks", 0) + 1
        return self.before + 60.0 * self.looks

    monkeypatch.setattr(clock_lib.Clock, "spent", property(spent))


def config(**train):
    made = tiny.get_config()
    made.train.update(num_steps=12, checkpoint_every=0, log_every=2, **train)
    made.eval.update(every=100, num=20, metrics="swd", features="none")
    return made


@pytest.mark.long
def test_time_ends_a_run_that_is_scored_and_goes_on_to_the_bit(tmp_path, timed, capfd):
    ended = jaxgan.train(config(max_minutes=4.0), tmp_path / "run")
    step = int(ended.step)
    assert 0 < step < 12
    assert f"ended at step {step} after" in capfd.readouterr().err
    assert [entry["step"] for entry in read_evaluations(tmp_path / "run")] == [step]

    jaxgan.train(config(max_minutes=4.0), tmp_path / "run")
    assert f"nothing to do: {tmp_path / 'run'} ended at step {step}, as config.train.max" in capfd.readouterr().err

    unbroken = jaxgan.train(config(), tmp_path / "unbroken")
    state = jaxgan.train(config(max_minutes=1e6), tmp_path / "run")
    states = [one.replace(key=jax.random.key_data(one.key)) for one in (state, unbroken)]
    jax.tree.map(np.testing.assert_array_equal, *states)
    rows = [[row["g/loss"] for row in read_metrics(tmp_path / name)] for name in ("run", "unbroken")]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("value", [10**400, float("inf"), float("nan"), "1", None, [1], True])
def test_a_time_that_is_none_counts_as_none(value):
    assert resume._number({"seconds_spent": value}, "seconds_spent") == 0
    assert resume._number({"seconds_spent": 1.5}, "seconds_spent") == 1.5


def test_a_stopped_run_whose_time_is_up_says_so(tmp_path, capfd):
    first = config()
    first.train.num_steps, first.eval.every = 6, 0
    jaxgan.train(first, tmp_path)
    capfd.readouterr()
    assert int(jaxgan.train(config(max_minutes=1e-6), tmp_path).step) == 6
    assert "ended at step 6 after" in capfd.readouterr().err
    assert [entry["step"] for entry in read_evaluations(tmp_path)] == [6]
    jaxgan.train(config(max_minutes=1e-6), tmp_path)
    assert "ended at step 6, as config.train.max_minutes has it" in capfd.readouterr().err
