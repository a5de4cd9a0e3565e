import pytest

from jaxgan.base import checks


def test_one_of_suggests_the_nearest():
    checks.one_of("mode", "train", ["train", "sample"])
    with pytest.raises(ValueError, match=r'mode is .trian.; expected one of train, sample. Did you mean "train"?'):
        checks.one_of("mode", "trian", ["train", "sample"])


def test_no_suggestion_for_something_else():
    assert checks.suggest("xyz", ["train"]) == ""


@pytest.mark.parametrize(("low", "high", "text"), [(1, float("inf"), "at least 1"), (0, 1, "from 0 to 1")])
def test_in_range(low, high, text):
    checks.in_range("n", low, low, high)
    with pytest.raises(ValueError, match=f"n is -3; expected a value {text}"):
        checks.in_range("n", -3, low, high)
