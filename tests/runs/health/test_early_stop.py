import pytest

from jaxgan.runs.health.early_stop import stalled


@pytest.mark.parametrize(
    ("values", "goal", "expected"),
    [
        ([3, 2, 1], "min", False),
        ([1, 2, 3], "min", True),
        ([1, 2, 3], "max", False),
        ([3, 2, 1], "max", True),
        ([1, 2], "min", False),
        ([2, 1, 2, 1.5], "min", True),
        ([2, 3, 1, 2], "min", False),
        ([1, 1, 1], "min", True),
    ],
)
def test_stalled_with_patience_two(values, goal, expected):
    assert stalled(values, goal, 2) is expected
