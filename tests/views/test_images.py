import numpy as np
import pytest
from PIL import Image

from jaxgan.base.types import DataInfo
from jaxgan.config import default
from jaxgan.data import open_source
from jaxgan.views import images

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), np.uint8)


def frames_of(path):
    """Return size, and (pixels, milliseconds) of each frame, of an animation."""
    with Image.open(path) as opened:
        frames = []
        for i in range(getattr(opened, "n_frames", 1)):
            opened.seek(i)
            frames.append((np.asarray(opened.convert("RGB")), opened.info["duration"]))
        return opened.size, frames


def test_inversion_is_an_involution():
    np.testing.assert_array_equal(images.invert(images.invert(PIXELS)), PIXELS)
    assert images.invert(np.uint8(0)) == 255


def test_grid_places_images_row_by_row():
    sheet = images.grid(PIXELS, 3)
    assert sheet.shape == (8, 18, 3)
    np.testing.assert_array_equal(sheet[:4, 6:12], PIXELS[1])
    np.testing.assert_array_equal(sheet[4:, :6], PIXELS[3])
    assert len(np.unique(sheet[4:, 12:])) == 1


def test_grid_padding_and_default_columns():
    sheet = images.grid(PIXELS, padding=2)
    assert sheet.shape == (2 * 4 + 2, 3 * 6 + 4, 3)
    assert not sheet[4:6].any()


@pytest.mark.parametrize(("background", "filled"), [((0, 0, 0), 0), ((255, 255, 255), 255), ((240, 250, 200), 255)])
def test_missing_places_are_light_beside_images_on_a_light_background(background, filled):
    given = np.empty((5, 4, 4, 3), np.uint8)
    given[...] = background
    given[:, 1:3, 1:3] = 77
    grid = images.grid(given, 3)
    assert (grid[4:, 8:] == filled).all()
    assert (grid[:4, 8:] == given[2]).all()


def test_enlarging_is_pillows_nearest_neighbour():
    theirs = Image.fromarray(PIXELS[0]).resize((18, 12), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(images.enlarge(PIXELS[0], 3), np.asarray(theirs))


@pytest.mark.parametrize(("shape", "scale"), [((112, 112), 8), ((280, 140), 3), ((28, 400), 2), ((501, 9), 1)])
def test_small_images_are_enlarged_to_between_500_and_1000_pixels(shape, scale):
    assert images.scale_for_eye(np.zeros((*shape, 1), np.uint8)) == scale
    assert 500 < scale * max(shape) <= 1000


def test_large_images_stay_as_they_are():
    assert images.scale_for_eye(np.zeros((2000, 100, 1), np.uint8)) == 1


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_read_back_the_same(tmp_path, channels):
    path = tmp_path / "new" / "a.png"
    images.save(path, PIXELS[0, ..., :channels])
    with Image.open(path) as opened:
        np.testing.assert_array_equal(np.asarray(opened), np.squeeze(PIXELS[0, ..., :channels]))
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG"])
def test_ending_decides(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    images.check_ending(path)
    images.save_for_eye(path, PIXELS[0], scale=2)
    with Image.open(path) as opened:
        assert opened.format == {"png": "PNG"}.get(ending, "JPEG")
        assert opened.size == (12, 8)


@pytest.mark.parametrize("name", ["a.npy", "a.NPY", "a"])
def test_arrays_have_the_name_that_was_asked(tmp_path, name):
    images.save_array(tmp_path / name, PIXELS)
    np.testing.assert_array_equal(np.load(tmp_path / name), PIXELS)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_other_endings_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"no ending that images are written to; use one of \.png"):
        images.check_ending(tmp_path / "a.pdf")


def test_more_pixels_than_a_jpeg_holds_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"65501 x 1 pixels, too many for JPEG; write \.png"):
        images.save(tmp_path / "a.jpg", np.zeros((1, 65_501, 1), np.uint8))


def test_a_folder_of_classes_is_read_back_as_data(tmp_path):
    labels = np.array([0, 10, 2, 2, 9])
    images.save_folder(tmp_path / "out", PIXELS, labels, 11)
    assert (tmp_path / "out" / "10" / "000001.png").is_file()
    config = default().data
    config.update({"source": "folder", "path": str(tmp_path / "out"), "image_size": 6, "channels": 3, "fit": "pad"})
    source = open_source(config)
    assert source.info == DataInfo((6, 6, 3), 5, 4)
    pixels, classes = source.read(np.arange(5))
    # Sorted by class, and padded above and below.
    np.testing.assert_array_equal(pixels[:, 1:5], PIXELS[[0, 2, 3, 4, 1]])
    assert classes.tolist() == [0, 1, 1, 2, 3]


def test_a_folder_without_classes_has_all_images_in_a_row(tmp_path):
    images.save_folder(tmp_path, PIXELS, None, 1)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"00000{i}.png" for i in range(5)]
    with pytest.raises(ValueError, match="is not empty, and old and new images would mix"):
        images.save_folder(tmp_path, PIXELS, None, 1)


def test_animations_show_every_frame_where_they_are_few(tmp_path):
    images.save_gif(tmp_path / "a.gif", PIXELS, scale=1)
    size, frames = frames_of(tmp_path / "a.gif")
    assert size == (6, 4)
    assert [duration for _, duration in frames] == [1200] * 5


def test_long_animations_are_thinned_out_and_last_as_long_as_short_ones(tmp_path):
    # Each frame is black, but for the bits of its number.
    numbers = np.arange(1001, dtype=">u2").view(np.uint8).reshape(-1, 2)
    frames = np.unpackbits(numbers, axis=1).reshape(1001, 4, 4, 1) * np.uint8(255)
    images.save_gif(tmp_path / "a.gif", frames, scale=1)
    _, shown = frames_of(tmp_path / "a.gif")
    read = [int("".join("1" if x > 127 else "0" for x in pixels[..., 0].ravel()), 2) for pixels, _ in shown]
    assert len(read) == 150
    assert (read[0], read[-1]) == (0, 1000)
    assert set(np.diff(read)) <= {6, 7}
    assert sum(duration for _, duration in shown) == 6000


def test_animations_enlarge_small_frames(tmp_path):
    images.save_gif(tmp_path / "a.gif", np.zeros((2, 112, 100, 1), np.uint8))
    assert frames_of(tmp_path / "a.gif")[0] == (400, 448)


def test_image_files_of_two_sizes_make_one_animation(tmp_path):
    images.save(tmp_path / "0.png", PIXELS[0])
    images.save(tmp_path / "1.png", images.enlarge(PIXELS[1], 2))
    images.save(tmp_path / "2.png", PIXELS[2, ..., :1])
    images.save_gif_of_files(tmp_path / "a.gif", sorted(tmp_path.glob("*.png")), scale=1)
    size, frames = frames_of(tmp_path / "a.gif")
    assert size == (12, 8)
    for i, native in enumerate((PIXELS[0], PIXELS[1], PIXELS[2, ..., :1].repeat(3, -1))):
        np.testing.assert_allclose(frames[i][0].astype(int), images.enlarge(native, 2), atol=8)


def test_a_scale_counts_from_the_pixels_before_they_were_enlarged(tmp_path):
    for name, scale in ("1", 1), ("2", 5):
        images.save(tmp_path / f"{name}.png", images.enlarge(np.full((8, 8, 1), 9, np.uint8), scale))
    images.save_gif_of_files(tmp_path / "a.gif", sorted(tmp_path.glob("*.png")), scale=2, width=8)
    assert frames_of(tmp_path / "a.gif")[0] == (16, 16)


@pytest.mark.parametrize(("num", "most"), [(0, 5), (1, 5), (5, 5), (6, 5), (1_000, 40), (3, 2)])
def test_evenly(num, most):
    chosen = images.evenly(range(num), most)
    assert len(chosen) == min(num, most)
    assert chosen == sorted(set(chosen))
    if num:
        assert (chosen[0], chosen[-1]) == (0, num - 1)
        assert np.ptp(np.diff(chosen)) <= 1 if len(chosen) > 1 else True


def test_an_animation_of_many_pixels_has_fewer_frames(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "GIF_PIXELS", 3 * 40 * 60 + 1)
    for i in range(9):
        images.save(tmp_path / f"{i}.png", np.full((40, 60, 1) if i == 4 else (4, 6, 1), 20 * i, np.uint8))
    images.save_gif_of_files(tmp_path / "a.gif", sorted(tmp_path.glob("*.png")), scale=1)
    size, frames = frames_of(tmp_path / "a.gif")
    assert size == (60, 40)
    assert [pixels[0, 0, 0] for pixels, _ in frames] == [0, 80, 160]


def test_an_animation_takes_no_more_images_than_fit_into_memory(tmp_path, monkeypatch):
    paths = [tmp_path / f"{i:02}.png" for i in range(40)]
    for path in paths:
        Image.new("1", (100, 10)).save(path)
    assert images.affordable(paths) == paths
    monkeypatch.setattr(images, "GIF_PIXELS", 20_000)
    chosen = images.affordable(paths)
    assert len(chosen) == 20
    assert (chosen[0], chosen[-1]) == (paths[0], paths[-1])
    # All frames get the size of the largest.
    Image.new("1", (100, 100)).save(paths[7])
    assert len(images.affordable(paths)) == 2


def test_a_high_and_a_wide_image_make_no_frame_of_both(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MOST_PIXELS", 20_000)
    paths = [tmp_path / f"{i}.png" for i in range(4)]
    for path, size in zip(paths, [(2_000, 5), (5, 2_000), (40, 10), (50, 20)], strict=True):
        Image.new("1", size).save(path)
    assert images.affordable(paths) == paths[2:]
    images.save_gif_of_files(tmp_path / "a.gif", paths, scale=1)
    assert frames_of(tmp_path / "a.gif")[0] == (50, 20)
