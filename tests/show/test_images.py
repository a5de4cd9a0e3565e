import numpy as np
import pytest
from PIL import Image

from jaxgan.show import images

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)


def test_inversion_is_an_involution():
    np.testing.assert_array_equal(images.invert(images.invert(PIXELS)), PIXELS)
    assert images.invert(np.uint8(0)) == 255


def test_grid_places_pictures_row_by_row():
    sheet = images.grid(PIXELS, 3)
    assert sheet.shape == (8, 18, 3)
    np.testing.assert_array_equal(sheet[:4, 6:12], PIXELS[1])
    np.testing.assert_array_equal(sheet[4:, :6], PIXELS[3])
    assert not sheet[4:, 12:].any()


def test_grid_padding_and_default_columns():
    sheet = images.grid(PIXELS, padding=2)
    assert sheet.shape == (2 * 4 + 2, 3 * 6 + 4, 3)
    assert not sheet[4:6].any()


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_read_back_the_same(tmp_path, channels):
    path = tmp_path / "new" / "a.png"
    images.save(path, PIXELS[0, ..., :channels])
    with Image.open(path) as opened:
        np.testing.assert_array_equal(np.asarray(opened), np.squeeze(PIXELS[0, ..., :channels]))
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize("ending", ["png", "jpg", "npy", "gif"])
def test_ending_decides(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    images.check_ending(path)
    images.save_many(path, PIXELS)
    if ending == "npy":
        np.testing.assert_array_equal(np.load(path), PIXELS)
    else:
        with Image.open(path) as opened:
            assert opened.format == {"png": "PNG", "jpg": "JPEG", "gif": "GIF"}[ending]
            assert getattr(opened, "n_frames", 1) == (5 if ending == "gif" else 1)


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no ending that pictures are written to; use one of \.png"):
        images.check_ending(tmp_path / "a.pdf")
