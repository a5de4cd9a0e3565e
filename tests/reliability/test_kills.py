"""The short form of `kills.py`."""

import kills
import pytest


@pytest.mark.long
def test_a_run_that_is_killed_in_a_save_ends_like_an_undisturbed_one(tmp_path):
    outcome = kills.main(1, 1, tmp_path, kills.in_a_save, length=20)
    assert outcome.kills.total() == 1
    assert not outcome.different
    assert not outcome.complaints
