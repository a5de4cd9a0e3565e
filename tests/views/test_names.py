"""Names beside grids."""

import numpy as np

from jaxgan.views.names import LONGEST, beside_rows


def test_each_row_has_its_name_to_the_left():
    sheet = np.full((90, 40, 3), 7, np.uint8)
    named = beside_rows(sheet, ["cat", "dog", "I"])
    assert named.dtype == np.uint8
    assert named.shape[0] == 90
    np.testing.assert_array_equal(named[:, -40:], sheet)
    margins = np.split(named[:, :-40], 3)
    ink = [int((margin < 128).sum()) for margin in margins]
    assert min(ink) > 0
    assert ink[2] < min(ink[:2])  # a letter has less ink than three
    assert (named[:, :2] == 255).all()


def test_long_and_strange_names_are_shortened():
    sheet = np.zeros((20, 5, 1), np.uint8)
    named = beside_rows(sheet, ["W" * 10_000])
    assert named.shape[2] == 1
    assert named.shape[1] < 5 + 8 + 25 * LONGEST
    assert beside_rows(sheet, ["\x1b[31m\n"]).shape[0] == 20
