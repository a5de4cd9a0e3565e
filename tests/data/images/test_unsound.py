"""Images that open and come out wrong: read as tifffile reads them, or refused with a reason."""

import io

import numpy as np
import pytest
from containers import or_sentence
from PIL import Image

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.data.images import unsound
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.decode import Header, decode, look
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources.folder import open_folder

tifffile = pytest.importorskip("tifffile")

CANVAS = Canvas(16, 3)


def noise(*shape, dtype="uint8"):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def judged(tmp_path, array, **options):
    """What is said of a TIFF of tifffile's."""
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    return look(str(tmp_path / "a.tif"))


TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32")


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib", "lzw"])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_every_kind_of_grey_is_read_as_tifffile_does_or_refused(tmp_path, dtype, order, compression, photometric):
    if compression == "lzw":
        pytest.importorskip("imagecodecs")
    array = (np.arange(256).reshape(16, 16) * (1 if "8" in dtype else 100)).astype(dtype)
    file, options = tmp_path / "a.tif", {"byteorder": order, "compression": compression, "photometric": photometric}
    found = judged(tmp_path, array, **options)
    if isinstance(found, Header):
        wanted = tifffile.imread(file)
        wanted = 255 - wanted if photometric == "miniswhite" else wanted
        np.testing.assert_array_equal(np.asarray(Image.open(file)), wanted)
    else:
        assert found in (unsound.WRONG, unsound.TIFF)
        assert decode(str(file), CANVAS) is None


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_every_kind_of_colour_is_read_as_tifffile_does_or_refused(tmp_path, dtype, order, compression, planar):
    array = noise(16, 16, 3, dtype=dtype) * (257 if dtype == "uint16" else 1)
    written = array.transpose(2, 0, 1) if planar == "separate" else array
    options = {"byteorder": order, "compression": compression, "photometric": "rgb", "planarconfig": planar}
    found = judged(tmp_path, written, **options)
    if isinstance(found, Header):
        wanted = array // 257 if dtype == "uint16" else array
        np.testing.assert_array_equal(decode(str(tmp_path / "a.tif"), CANVAS), wanted)
    else:
        assert (dtype, planar, compression) == ("uint16", "separate", None)
        assert found == "of bands, so set data.channels to their number, 3"
        np.testing.assert_array_equal(decode(str(tmp_path / "a.tif"), CANVAS), array // 257)


@pytest.mark.parametrize("shape", [(5, 16, 12), (2, 16, 12), (16, 12, 5), (16, 12, 2), (3, 16, 12), (5, 16, 12, 3)])
def test_pages_and_bands_are_refused_with_a_reason(tmp_path, shape):
    """A (64, 48, 5) array came as a 5x48 strip; of 5 pages one was taken."""
    found = judged(tmp_path, noise(*shape), photometric="rgb" if shape[-1] == 3 else "minisblack")
    assert found.startswith("of several pages")
    assert or_sentence(lambda: decode(str(tmp_path / "a.tif"), CANVAS), "of several pages") is None


@pytest.mark.parametrize("samples", [2, 3, 4, 5])
def test_bands_in_one_page_are_refused(tmp_path, monkeypatch, samples):
    array = noise(16, 12, samples)
    found = judged(tmp_path, array, photometric="minisblack", planarconfig="contig")
    assert found == f"of bands, so set data.channels to their number, {samples}"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = look(str(tmp_path / "a.tif"))
    assert found.startswith((unsound.BANDS, unsound.TIFF))
    assert found.endswith("bands of TIFF files are read after pip install 'jaxgan[formats]'")


def test_a_thumbnail_is_no_page(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(noise(16, 16, 3), photometric="rgb")
        writer.write(noise(4, 4, 3), photometric="rgb", subfiletype=1)
    assert isinstance(look(str(tmp_path / "a.tif")), Header)
    np.testing.assert_array_equal(decode(str(tmp_path / "a.tif"), CANVAS), noise(16, 16, 3))


def test_a_folder_says_what_is_left_out_and_why(tmp_path):
    Image.fromarray(noise(16, 16, 3)).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", noise(5, 16, 12), photometric="minisblack")
    said = []
    with terminal.divert(said.append):
        source = open_folder(str(tmp_path), CANVAS, Workers(1))
        source.announce()
    assert source.info.num_images == 1
    assert said == [
        f"Left out of {tmp_path}: 1 of several pages or bands; for bands set data.channels to their number, 5 or 12 "
        "(b.tif)."
    ]
    (tmp_path / "a.png").unlink()
    with pytest.raises(UserError, match=r"No image in .* is of use: 1 of several pages"):
        open_folder(str(tmp_path), CANVAS, Workers(1))


def test_a_fourth_band_that_is_marked_as_transparency_is_said(tmp_path):
    """What tifffile writes of four bands may be infrared; its tags say otherwise."""
    tifffile.imwrite(tmp_path / "b.tif", noise(16, 12, 4))
    said = []
    with terminal.divert(said.append):
        open_folder(str(tmp_path), CANVAS, Workers(1)).announce()
    assert said[0] == "1 of 1 TIFF files looked at say that their fourth band is transparency."


def jpeg2000(depth):
    """Colour of some bits: an image of 8, whose header says more."""
    stream = io.BytesIO()
    Image.fromarray(noise(16, 16, 3)).save(stream, "JPEG2000")
    content = bytearray(stream.getvalue())
    start = content.index(b"\xff\x4f\xff\x51")
    for component in range(3):
        content[start + 42 + 3 * component] = depth - 1
    return bytes(content)


@pytest.mark.parametrize(("depth", "found"), [(8, Header), (9, str), (12, str), (16, str)])
def test_colour_of_jpeg_2000_above_8_bits_is_refused(tmp_path, depth, found):
    (tmp_path / "a.jp2").write_bytes(jpeg2000(depth))
    assert isinstance(look(str(tmp_path / "a.jp2")), found)
    assert (decode(str(tmp_path / "a.jp2"), CANVAS) is None) == (found is str)


def test_whole_numbers_have_one_scale_for_all_images(tmp_path):
    """It was guessed image by image: an all-dark one became bright."""
    canvas = Canvas(1, 1)
    for value, wanted in ((0, 0), (255, 1), (4095, 16), (65535, 255)):
        Image.fromarray(np.array([[value]], np.int32)).save(tmp_path / "a.tif")
        assert decode(str(tmp_path / "a.tif"), canvas).item() == wanted
    for value in (-1024, 65536):
        Image.fromarray(np.array([[value]], np.int32)).save(tmp_path / "a.tif")
        with pytest.raises(UserError, match=r"a\.tif: an image has pixels of int32 beyond 0\.\.65535"):
            decode(str(tmp_path / "a.tif"), canvas)


COLOURS = [(200, 100, 50, 255), (200, 100, 50, 0), (200, 100, 50, 128)]


@pytest.mark.parametrize("kind", ["BMP", "TGA", "PNG"])
@pytest.mark.parametrize("colour", COLOURS)
def test_the_fourth_byte_of_32_bits_is_transparency_where_it_is_used(tmp_path, kind, colour):
    pixels = np.full((16, 16, 4), colour, np.uint8)
    pixels[0, 0] = (0, 0, 0, 255)  # one that is opaque, so that the byte is used
    Image.fromarray(pixels).save(tmp_path / "a", kind)
    white = Image.new("RGBA", (16, 16), "white")
    wanted = np.asarray(Image.alpha_composite(white, Image.fromarray(pixels)).convert("RGB"), int)
    np.testing.assert_allclose(decode(str(tmp_path / "a"), CANVAS), wanted, atol=1)


@pytest.mark.parametrize("kind", ["BMP", "TGA"])
def test_a_fourth_byte_that_is_0_everywhere_is_unused(tmp_path, kind):
    Image.fromarray(np.full((16, 16, 4), (200, 100, 50, 0), np.uint8)).save(tmp_path / "a", kind)
    np.testing.assert_array_equal(decode(str(tmp_path / "a"), CANVAS)[0, 0], [200, 100, 50])
