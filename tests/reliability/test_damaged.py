"""The short form of `damaged.py`."""

import damaged
import pytest


@pytest.mark.long
@pytest.mark.parametrize("name", damaged.PARSERS)
def test_damaged_inputs_are_data_or_a_message(name):
    found = damaged.main(name, 60)
    assert found.sets + found.messages + found.probed == 60
    assert found.messages > 0
    assert not found.ended
    assert found.slowest < damaged.SECONDS
    assert found.mib * 2**20 < damaged.MOST
