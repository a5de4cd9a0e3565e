"""The scripts beside this file in a few seconds each; their long forms, and what they found, are in the README."""

import disks
import growth
import kills
import pytest
import stops
from processes import TINY


def test_killed_runs_end_like_undisturbed_ones(tmp_path):
    outcome = kills.main(2, 1, tmp_path, length=40)
    assert outcome.kills.total() == 2
    assert not outcome.different
    assert not outcome.complaints


def test_a_run_that_is_asked_to_stop_saves_and_ends(tmp_path):
    ((_, seconds),) = stops.main(1, 0, tmp_path, str(TINY), ("--config.train.num_steps=100000",))
    assert seconds < 30  # 10 on an idle machine


def test_a_run_on_a_disk_with_a_quota_goes_on_and_says_why_it_failed(tmp_path):
    ending = disks.main("quota", tmp_path, 600)
    assert ending.good, ending


def test_a_short_run_is_looked_at_and_growth_is_measured(tmp_path):
    looks = growth.main(
        600, tmp_path, "--config.model.hidden=8", "--config.data.source=synthetic", "--config.data.skip=0"
    )
    assert looks
    assert abs(growth.growth(looks)) < 0.2
    rising = [growth.Look(i, 1000 + i, 5, 5) for i in range(100)]
    assert growth.growth(rising) == pytest.approx(80 / 1009.5, rel=1e-3)
