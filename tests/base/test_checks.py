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


def test_shapes_that_suit_pass():
    checks.check_exact("a", (28, 28, 1), (28, 28, 1), other="b")
    checks.check_multiples("a", (32, 48, 3), 16, examples="32")


def test_others_are_named_with_what_to_do():
    with pytest.raises(ValueError, match=r"a makes images of shape \(28, 28, 1\), .* or use the b GAN"):
        checks.check_exact("a", (28, 28, 3), (28, 28, 1), other="b")
    for given in (32, 40, 3), (40, 32, 3):
        with pytest.raises(ValueError, match=r"multiples of 16, .* set config.data.image_size to one, such as 32"):
            checks.check_multiples("a", given, 16, examples="32")
