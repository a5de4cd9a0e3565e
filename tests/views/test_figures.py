import numpy as np
import pytest

from jaxgan.views import charts, figures
from jaxgan.views.embed import Embedded

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 6, 5, 3), np.uint8)


def test_one_grid_has_no_slider():
    grids = [(step, Embedded(f"data:{step}", 8, 8)) for step in (5, 1_000)]
    assert 'type="range"' not in figures.player(grids[:1])
    several = figures.player(grids)
    assert 'max="1" value="1"' in several
    assert 'src="data:1000"' in several
    assert "1,000" in several


@pytest.mark.parametrize("distances", [(), [0.25] * 30])
def test_pairs_stand_side_by_side(distances):
    html = figures.pairs(figures.Nearest(IMAGES, IMAGES[::-1], distances))
    assert html.count("<img") == 2 * figures.MOST_PAIRS
    assert html.count("0.25") == (figures.MOST_PAIRS if distances else 0)
    assert figures.pairs(figures.Nearest(IMAGES[:0], IMAGES[:0])) == figures.pairs(None) == ""


def test_an_axis_that_reaches_zero_cannot_become_logarithmic():
    for values, can in ([1.0, 2.0], True), ([0.0, 2.0], False):
        drawn = charts.chart("x", [charts.series("y", list(enumerate(values)))])
        assert ("Logarithmic" in figures.chart(0, drawn)) == can


def test_no_class_grid_and_no_charts_are_nothing():
    assert figures.class_grid(None) == figures.class_grid(b"") == figures.side_by_side(["", ""]) == ""
