"""The short form of `disks.py`."""

import disks
import pytest


@pytest.mark.long
def test_a_run_on_a_disk_with_a_quota_goes_on_and_says_why_it_failed(tmp_path):
    ending = disks.main("quota", tmp_path, 300)
    assert ending.good, ending
