import pytest

from jaxgan.base import shapes


def test_shapes_that_suit_pass():
    shapes.check_exact("a", (28, 28, 1), (28, 28, 1), other="b")
    shapes.check_multiples("a", (32, 48, 3), 16, examples="32")


def test_others_are_named_with_what_to_do():
    with pytest.raises(ValueError, match=r"a makes images of shape \(28, 28, 1\), .* or use the b GAN"):
        shapes.check_exact("a", (28, 28, 3), (28, 28, 1), other="b")
    for given in (32, 40, 3), (40, 32, 3):
        with pytest.raises(ValueError, match=r"multiples of 16, .* set config.data.image_size to one, such as 32"):
            shapes.check_multiples("a", given, 16, examples="32")
