"""Images of every mode, against numpy arithmetic and Pillow's own compositing."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.images.canvas import Canvas, Converted, draw, from_array, on_canvas, squeezed
from jaxgan.data.images.decode import decode
from jaxgan.data.images.threads import Workers
from jaxgan.data.memory import InMemory

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (8, 8, 3), np.uint8)
ALPHA = RNG.integers(0, 256, (8, 8, 1), np.uint8)


def test_opaque_images_of_the_right_size_are_untouched():
    np.testing.assert_array_equal(draw(Image.fromarray(COLOUR), Canvas(8, 3)), COLOUR)
    np.testing.assert_array_equal(draw(Image.fromarray(COLOUR[..., 0]), Canvas(8, 1))[..., 0], COLOUR[..., 0])
    grey = draw(Image.fromarray(COLOUR[..., 0]), Canvas(8, 3))
    np.testing.assert_array_equal(grey, np.repeat(COLOUR[..., :1], 3, -1))


@pytest.mark.parametrize(("background", "rgb"), [("white", (255, 255, 255)), ("#20406080", (32, 64, 96))])
def test_transparency_shows_the_background(background, rgb):
    image = Image.fromarray(np.concatenate([COLOUR, ALPHA], -1))
    a = ALPHA / 255
    expected = COLOUR * a + np.array(rgb) * (1 - a)
    got = draw(image, Canvas(8, 3, background=background))
    np.testing.assert_allclose(got, expected, atol=0.51)
    base = Image.new("RGBA", (8, 8), rgb)
    reference = np.asarray(Image.alpha_composite(base, image).convert("RGB"))
    np.testing.assert_allclose(got.astype(int), reference, atol=1)


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBa", "P", "RGB", "L"])
def test_every_kind_of_transparency(mode):
    hidden = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    if mode in ("P", "RGB", "L"):  # a colour, or a palette entry, is marked as transparent
        image = Image.new(mode, (4, 4), 0)
        image.info["transparency"] = (0, 0, 0) if mode == "RGB" else bytes([0]) if mode == "P" else 0
    elif mode == "La":
        image = hidden.convert("LA").convert("La")
    elif mode == "PA":
        image = Image.new("PA", (4, 4), (0, 0))
    else:
        image = hidden.convert(mode)
    np.testing.assert_array_equal(draw(image, Canvas(4, 3, background="red")), [[[255, 0, 0]] * 4] * 4)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "HSV", "LAB", "I", "F", "I;16", "RGBX"])
@pytest.mark.parametrize("channels", [1, 3])
def test_white_is_white_in_every_mode(mode, channels):
    white = {
        "I": 65535,
        "F": 1.0,
        "I;16": 65535,
        "HSV": (0, 0, 255),
        "YCbCr": (255, 128, 128),
        "CMYK": (0,) * 4,
    }
    white |= {"LAB": (255, 128, 128), "RGBX": (255,) * 4}
    image = Image.new("RGB", (4, 4), "white").convert("P") if mode == "P" else None
    image = image or Image.new(mode, (4, 4), white.get(mode, "white"))
    pixels = draw(image, Canvas(4, channels))
    assert pixels.shape == (4, 4, channels)
    assert pixels.dtype == np.uint8
    assert pixels.min() >= 254


def test_sixteen_bits_are_scaled_not_cut():
    wide = np.array([[0, 128, 129, 257, 32768, 65278, 65535]], np.uint16)
    expected = np.rint(wide / 257)
    np.testing.assert_array_equal(np.asarray(from_array(wide)), expected)
    for mode_pixels in (wide, wide.astype(np.int32)):
        image = Image.fromarray(np.repeat(mode_pixels, 7, 0))
        np.testing.assert_array_equal(draw(image, Canvas(7, 1))[0, :, 0], expected[0])


def test_floats_are_taken_as_0_to_1():
    image = Image.fromarray(np.array([[0.0, 1.0], [0.5, 0.25]], np.float32))
    np.testing.assert_allclose(draw(image, Canvas(2, 1))[..., 0], [[0, 255], [128, 64]], atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOUR).save(tmp_path / "a.png", exif=exif)
    turned = {
        1: COLOUR,
        2: COLOUR[:, ::-1],
        3: COLOUR[::-1, ::-1],
        4: COLOUR[::-1],
        5: COLOUR.swapaxes(0, 1),
        6: np.rot90(COLOUR, -1),
        7: COLOUR.swapaxes(0, 1)[::-1, ::-1],
        8: np.rot90(COLOUR),
    }
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(draw(image, Canvas(8, 3)), turned[orientation])


def test_the_three_fits():
    wide = np.zeros((4, 8, 3), np.uint8)
    wide[:, 2:6] = (255, 0, 0)  # the centre square is red
    image = Image.fromarray(wide)
    crop = draw(image, Canvas(4, 3, "crop"))
    np.testing.assert_array_equal(crop, np.broadcast_to([255, 0, 0], (4, 4, 3)))
    pad = draw(image, Canvas(8, 3, "pad", background="blue"))
    np.testing.assert_array_equal(pad[2:6], wide)
    np.testing.assert_array_equal(pad[[0, 1, 6, 7]], np.broadcast_to([0, 0, 255], (4, 8, 3)))
    squeeze = draw(image, Canvas(4, 3, "squeeze"))
    np.testing.assert_array_equal(squeeze, np.asarray(image.resize((4, 4), Image.Resampling.BICUBIC)))
    slim = draw(Image.new("RGB", (1, 500)), Canvas(4, 3, "pad"))
    assert slim.shape == (4, 4, 3)


def test_a_large_jpeg_drafted_looks_like_one_decoded_in_full(tmp_path):
    y, x = np.mgrid[:512, :512]
    smooth = np.stack([127 + 100 * np.sin(x / 40), 127 + 100 * np.cos(y / 50), (x + y) / 4], -1).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    got = decode(str(tmp_path / "a.jpg"), Canvas(64, 3))
    with Image.open(tmp_path / "a.jpg") as image:
        reference = np.asarray(image.resize((64, 64), Image.Resampling.BICUBIC))
    assert np.abs(got.astype(int) - reference).mean() < 1


def test_a_source_is_converted_only_where_it_must_be():
    native = InMemory(np.stack([COLOUR] * 3), np.array([0, 1, 2], np.int32), 3)
    assert on_canvas(native, Canvas(8, 3), Workers(1)) is native
    source = on_canvas(native, Canvas(6, 1), Workers(2))
    assert isinstance(source, Converted)
    assert source.info.image_shape == (6, 6, 1)
    images, labels = source.read(np.array([2, 0]))
    expected = np.asarray(Image.fromarray(COLOUR).convert("L").resize((6, 6), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(images[0, ..., 0], expected)
    assert labels.tolist() == [2, 0]


@pytest.mark.parametrize(
    ("field", "value"), [("size", 0), ("channels", 2), ("fit", "stretch"), ("background", "whitish")]
)
def test_a_wrong_canvas_is_refused(field, value):
    with pytest.raises(ValueError, match="expected"):
        Canvas(**{"size": 8, "channels": 3, field: value})


@pytest.mark.parametrize("fit", ["squeeze", "crop", "pad"])
def test_images_that_lose_their_shape_are_counted(capfd, fit):
    squeezed(Canvas(8, 3, fit), 3, 4000, "images in photos")
    squeezed(Canvas(8, 3, fit), 0, 4000, "images in photos")
    said = capfd.readouterr().err
    if fit == "squeeze":
        assert said.startswith("3 of 4,000 images in photos are not square and are squeezed to 8x8; set data.fit")
    assert said.count("\n") == (fit == "squeeze")


def test_a_source_of_oblong_images_says_so(capfd):
    source = on_canvas(InMemory(np.zeros((5, 4, 3, 1), np.uint8), None, None), Canvas(8, 1), Workers(1))
    source.announce()
    assert "5 of 5 images are not square" in capfd.readouterr().err
    on_canvas(InMemory(np.zeros((5, 4, 4, 1), np.uint8), None, None), Canvas(8, 1), Workers(1)).announce()
    assert capfd.readouterr().err == ""


def png(bits, kind, row, transparent):
    """A PNG of one row, written by hand: Pillow writes no transparent colour at these depths."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    width = len(row) * 8 // bits // (3 if kind == 2 else 1)
    header = struct.pack(">IIBBBBB", width, 1, bits, kind, 0, 0, 0)
    parts = [(b"IHDR", header), (b"tRNS", transparent), (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return Image.open(io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)))


@pytest.mark.parametrize(
    ("bits", "row", "transparent", "expected"),
    [
        (1, bytes([0b01000000]), 1, [0, 99, 0, 0, 0, 0, 0, 0]),
        (2, bytes([0b00_01_10_11]), 2, [0, 85, 99, 255]),
        (4, bytes([0x0F, 0xA5]), 15, [0, 99, 170, 85]),
        (8, bytes([0, 80, 160, 255]), 80, [0, 99, 160, 255]),
        (16, struct.pack(">4H", 0, 257, 258, 65535), 258, [0, 1, 99, 255]),  # both greys are 1 in 8 bits
    ],
)
def test_the_transparent_grey_of_a_png_shows_the_background_at_every_depth(bits, row, transparent, expected):
    image = png(bits, 0, row, struct.pack(">H", transparent))
    pixels = draw(image, Canvas(image.width, 1, "pad", background="#636363"))
    assert pixels[(image.width - 1) // 2, :, 0].tolist() == expected


def test_the_transparent_colour_of_a_png_of_48_bits_shows_the_background():
    image = png(16, 2, struct.pack(">6H", 1285, 1542, 1799, 65535, 0, 0), struct.pack(">3H", 1285, 1542, 1799))
    pixels = draw(image, Canvas(2, 3, "pad", background="#636363"))
    assert pixels[0].tolist() == [[99, 99, 99], [255, 0, 0]]


@pytest.mark.parametrize(("alpha", "expected"), [((0, 0), [9, 9]), ((255, 0), [9, 255])])
def test_a_tga_whose_fourth_byte_is_unused_is_opaque(alpha, expected):
    pixels = np.full((2, 2, 4), 9, np.uint8)
    pixels[..., 3] = alpha
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "TGA")
    assert draw(Image.open(io.BytesIO(stream.getvalue())), Canvas(2, 1))[0, :, 0].tolist() == expected
