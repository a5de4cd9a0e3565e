"""The short form of `damaged.py`."""

import damaged
import pytest

# Readers of ours; those in C may be ended by what they read, and are counted in the long form.
OURS = ("zip", "npz", "npy", "tar", "idx", "csv", "jsonl", "pickle")


@pytest.mark.long
@pytest.mark.parametrize("name", damaged.PARSERS)
def test_damaged_inputs_are_data_or_a_message(name):
    found = damaged.main(name, 60)
    assert found.sets + found.messages + found.ended == 60
    assert found.messages > 0
    assert found.slowest < damaged.SECONDS
    assert found.mib * 2**20 < damaged.MOST
    assert name not in OURS or not found.ended
