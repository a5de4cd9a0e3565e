"""TIFF files of several bands: read as tifffile reads them where data.channels asks for them, else refused."""

import io
import zipfile

import numpy as np
import pytest
from containers import opened
from PIL import Image

from jaxgan.base.checks import UserError
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.decode import decode, look

tifffile = pytest.importorskip("tifffile")

H, W = 20, 12


def noise(bands, dtype="uint8"):
    return np.random.default_rng(bands).integers(0, 256, (H, W, bands)).astype(dtype)


def first(array):
    return np.moveaxis(array, 2, 0).copy()


# How a file is written from [H, W, bands]: what is known of the axis of bands differs.
WRITERS = {
    "the last axis of a shape": lambda file, a: tifffile.imwrite(file, a, photometric="minisblack"),
    "the first axis of a shape": lambda file, a: tifffile.imwrite(file, first(a), photometric="minisblack"),
    "samples": lambda file, a: tifffile.imwrite(file, a, photometric="minisblack", planarconfig="contig"),
    "planes": lambda file, a: tifffile.imwrite(file, first(a), photometric="minisblack", planarconfig="separate"),
    "packed samples": lambda file, a: tifffile.imwrite(
        file, a, photometric="minisblack", planarconfig="contig", compression="zlib", predictor=a.dtype != "float32"
    ),
    "tiles": lambda file, a: tifffile.imwrite(
        file, a, photometric="minisblack", planarconfig="contig", tile=(16, 16), metadata=None, byteorder=">"
    ),
    "ImageJ": lambda file, a: tifffile.imwrite(file, first(a), imagej=True, metadata={"axes": "CYX"}),
    "OME": lambda file, a: tifffile.imwrite(file, first(a), ome=True, metadata={"axes": "CYX"}),
    "BigTIFF": lambda file, a: tifffile.imwrite(file, a, photometric="minisblack", planarconfig="contig", bigtiff=True),
}


@pytest.mark.parametrize("writer", WRITERS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("bands", [2, 4, 5])
def test_bands_are_read_where_their_number_is_asked_for(tmp_path, writer, dtype, bands):
    """A (64, 48, 5) array came as a 5x48 strip, of two bands one was dropped, and three of 16 bits were unreadable."""
    array, file = noise(bands, dtype), tmp_path / "a.tif"
    WRITERS[writer](file, array)
    canvas = Canvas((H, W), bands, levels=None if dtype == "uint8" else (0, 255))
    assert look(str(file), bands)[1:3] == (W, H)
    read = decode(str(file), canvas)
    np.testing.assert_array_equal(read, array if dtype == "uint8" else np.rint(array / 255 * 65535))
    found = look(str(file), bands + 1)
    assert "set data.channels to their number, " in found
    assert str(bands) in found
    with pytest.raises(UserError, match=r"a\.tif: of .* set data\.channels to their number"):
        decode(str(file), Canvas((H, W), bands + 1))


@pytest.mark.parametrize("writer", ["samples", "planes", "packed samples", "tiles", "the last axis of a shape"])
def test_three_bands_without_a_colour_are_colours_where_three_are_asked_for(tmp_path, writer):
    array = noise(3, "uint16") * 257
    WRITERS[writer](tmp_path / "a.tif", array)
    np.testing.assert_array_equal(decode(str(tmp_path / "a.tif"), Canvas((H, W), 3)), array // 257)


def test_a_fourth_band_without_a_meaning_is_one_where_four_are_asked_for(tmp_path):
    """Pillow takes it for padding."""
    array = noise(4)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="rgb", extrasamples=["unspecified"])
    np.testing.assert_array_equal(decode(str(tmp_path / "a.tif"), Canvas((H, W), 4)), array)
    np.testing.assert_array_equal(decode(str(tmp_path / "a.tif"), Canvas((H, W), 3)), array[..., :3])


def pages(count):
    stream = io.BytesIO()
    frames = [Image.fromarray(page) for page in first(noise(count))]
    frames[0].save(stream, "TIFF", save_all=True, append_images=frames[1:])
    return stream.getvalue()


def test_pages_are_no_bands(tmp_path):
    (tmp_path / "a.tif").write_bytes(pages(5))
    assert look(str(tmp_path / "a.tif"), 5) == "of several pages, one image a file is expected"
    tifffile.imwrite(tmp_path / "a.tif", first(noise(5)), imagej=True, metadata={"axes": "ZYX"})
    assert look(str(tmp_path / "a.tif"), 5) == "of several pages, one image a file is expected"
    tifffile.imwrite(tmp_path / "a.tif", first(noise(3)), photometric="minisblack")
    assert look(str(tmp_path / "a.tif"), 3) == "of several pages, one image a file is expected"


@pytest.mark.parametrize(("num", "what"), [(1000, "of several pages or bands;"), (1001, "of several pages, one image")])
def test_pages_are_followed_to_a_limit(tmp_path, num, what):
    """Or tifffile would follow those of a damaged file for ever."""
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((num, 2, 3), np.uint8), photometric="minisblack")
    assert look(str(tmp_path / "a.tif"), 5).startswith(what)


def test_axes_that_cannot_be_told_apart_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 48, 5), np.uint8), photometric="minisblack")
    assert "5x48x5, in which no axis can be told to be that of bands" in look(str(tmp_path / "a.tif"), 5)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((70, 48, 80), np.uint8), photometric="minisblack")
    assert "70x48x80, in which no axis can be told to be that of bands" in look(str(tmp_path / "a.tif"), 5)


def test_overviews_and_masks_are_passed_over(tmp_path):
    array = noise(5)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        options = {"photometric": "minisblack", "planarconfig": "contig", "metadata": None}
        writer.write(array, **options)
        writer.write(array[::2, ::2], subfiletype=1, **options)
        writer.write(np.zeros((H, W), bool), subfiletype=4, photometric="mask", metadata=None)
    np.testing.assert_array_equal(decode(str(tmp_path / "a.tif"), Canvas((H, W), 5)), array)


def test_a_folder_and_an_archive_of_bands(tmp_path):
    (tmp_path / "set").mkdir()
    arrays = np.stack([noise(5) + np.uint8(i) for i in range(4)])
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for i, array in enumerate(arrays):
            tifffile.imwrite(tmp_path / "set" / f"{i}.tif", array)
            archive.write(tmp_path / "set" / f"{i}.tif", f"{i}.tif")
    for path in (tmp_path / "set", tmp_path / "set.zip"):
        source, said = opened(path, channels=5, fit="as_is")
        np.testing.assert_array_equal(source.read(np.arange(4))[0], arrays)
        assert f"4 images {H}x{W} 5 bands, no labels." in said[0]
        with pytest.raises(UserError, match=r"set data\.channels to their number, 20 or 5"):
            opened(path, channels=3)[0].read(np.arange(4))
