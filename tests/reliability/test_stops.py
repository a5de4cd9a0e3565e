"""The short form of `stops.py`."""

import pytest
import stops
from processes import TINY


@pytest.mark.long
def test_a_run_that_is_asked_to_stop_saves_and_ends(tmp_path):
    ((_, seconds),) = stops.main(1, 0, tmp_path, str(TINY), ("--config.train.num_steps=100000",))
    assert seconds < 30  # 10 on an idle machine
