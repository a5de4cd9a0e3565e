import pytest

from jaxgan.views import markup
from jaxgan.views.embed import Embedded


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0 s"), (59, "59 s"), (90, "1.5 min"), (3_600, "1 h 0 min"), (100_000, "27 h 46 min")]
)
def test_duration(seconds, said):
    assert markup.duration(seconds) == said


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (None, ""),
        (3, "3"),
        (0.12346, "0.1235"),
        (40_226.4, "40,226"),
        (2e-5, "2e-05"),
        (float("nan"), "nan"),
        (True, "True"),
        ([0.0, 1.0], "[0.0, 1.0]"),
        ("", ""),
    ],
)
def test_value(given, shown):
    assert markup.value(given) == shown


def test_markup_in_texts_is_no_markup():
    bad = "<b>&\"'"
    for piece in (
        markup.section(bad, "x"),
        markup.listing([bad], [[bad, bad]]),
        markup.image(Embedded("data:,", 1, 1), bad),
    ):
        assert "<b>" not in piece
        assert "&lt;b&gt;&amp;&quot;&#x27;" in piece


def test_small_images_are_enlarged_by_whole_factors_and_large_ones_are_not():
    small = markup.image(Embedded("data:,", 168, 100), "")
    assert 'width="504" height="300"' in small
    assert 'class="pixels"' in small
    large = markup.image(Embedded("data:,", 600, 300), "", "grid")
    assert 'width="600" height="300" id="grid"' in large
    assert "pixels" not in large


def test_nothing_is_no_section_and_no_table():
    assert markup.section("x", "") == markup.listing(["x"], []) == ""
