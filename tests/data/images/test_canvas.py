"""Images of every mode, against numpy arithmetic and Pillow's own compositing."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgan.base.checks import UserError
from jaxgan.data.images.canvas import Canvas, draw, draw_array, from_array, say_squeezed
from jaxgan.data.images.converted import Converted, on_canvas
from jaxgan.data.images.decode import decode
from jaxgan.data.images.levels import Meter
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
    levels = (0, 1) if mode == "F" else None
    pixels = draw(image, Canvas(4, channels, levels=levels))
    assert pixels.shape == (4, 4, channels)
    assert pixels.dtype == (np.uint8 if levels is None else np.uint16)
    assert pixels.min() >= (254 if levels is None else 65535)


def test_sixteen_bits_are_scaled_not_cut():
    wide = np.array([[0, 128, 129, 257, 32768, 65278, 65535]], np.uint16)
    expected = np.rint(wide / 257)
    np.testing.assert_array_equal(np.asarray(from_array(wide)), expected)
    for mode_pixels in (wide, wide.astype(np.int32)):
        image = Image.fromarray(np.repeat(mode_pixels, 7, 0))
        np.testing.assert_array_equal(draw(image, Canvas(7, 1))[0, :, 0], expected[0])


WIDE = np.array([[-1024.0, 0.0], [1024.0, 3072.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_what_has_no_scale_of_its_own_needs_levels(dtype):
    image = Image.fromarray(WIDE.astype(dtype))
    with pytest.raises(UserError, match=r"set config\.data\.levels to 'auto'"):
        draw(image, Canvas(2, 1))
    pixels = draw(image, Canvas(2, 1, levels=(-1024, 3072)))
    assert pixels.dtype == np.uint16
    np.testing.assert_array_equal(pixels[..., 0], np.rint((WIDE + 1024) / 4096 * 65535))
    np.testing.assert_array_equal(draw(image, Canvas(2, 1, levels=(0, 1024)))[..., 0], [[0, 0], [65535, 65535]])


def test_a_meter_finds_the_levels_of_all_images():
    meter = Meter()
    canvas = Canvas(2, 1, levels=meter)
    for image in (WIDE, WIDE - 500, np.full((2, 2), np.nan)):
        draw(Image.fromarray(image.astype(np.float32)), canvas)
    assert meter.levels() == (-1524, 3072)
    with pytest.raises(UserError, match="no finite pixel"):
        Meter().levels()


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (4, 4)])
def test_fits_of_oblong_canvases(shape):
    """The middle of a larger image of stripes keeps its proportions; padding keeps all of it."""
    height, width = shape
    across, down = np.meshgrid(np.arange(60), np.arange(60))
    image = Image.fromarray(np.stack([4 * across, 4 * down, 0 * down], -1).astype(np.uint8))
    middle = draw(image, Canvas(shape, 3, "crop"))
    side = 60 / max(shape)
    centre = np.array([[(60 - 1) / 2 + (i - (n - 1) / 2) * side for i in range(n)] for n in (max(shape),)])[0]
    rows, columns = (centre[(max(shape) - n) // 2 :][:n] for n in shape)
    np.testing.assert_allclose(middle[..., 0], np.broadcast_to(4 * columns, shape), atol=1.5)
    np.testing.assert_allclose(middle[..., 1], np.broadcast_to(4 * rows[:, None], shape), atol=1.5)
    padded = draw(image, Canvas(shape, 3, "pad", "blue"))
    is_blue = (padded == [0, 0, 255]).all(-1)
    assert is_blue.sum() == abs(height - width) * min(shape)
    inside = padded[~is_blue].reshape(min(shape), min(shape), 3)
    np.testing.assert_array_equal(inside, draw(image, Canvas(min(shape), 3)))
    assert draw(image, Canvas(shape, 3)).shape == (*shape, 3)


def test_as_is_takes_the_size_of_the_images():
    canvas = Canvas(8, 3, "as_is").taking([(4, 6), (4, 6)], "images")
    assert canvas.shape == (4, 6, 3)
    with pytest.raises(UserError, match="have 2 sizes, such as 4x6 and 6x4"):
        canvas.taking([(4, 6), (6, 4), (4, 6)], "images")
    with pytest.raises(ValueError, match="6x4 pixels, others have 4x6"):
        draw(Image.new("RGB", (4, 6)), canvas)


def test_alpha_is_kept_and_hidden_colours_are_the_background():
    alpha = np.where(ALPHA < 100, 0, ALPHA)
    image = Image.fromarray(np.concatenate([COLOUR, alpha], -1))
    pixels = draw(image, Canvas(8, 4, background="#204060"))
    np.testing.assert_array_equal(pixels[..., 3:], alpha)
    np.testing.assert_array_equal(pixels[..., :3], np.where(alpha > 0, COLOUR, [32, 64, 96]))
    np.testing.assert_array_equal(draw(Image.fromarray(COLOUR), Canvas(8, 4)), np.insert(COLOUR, 3, 255, -1))
    grey = draw(image.convert("LA"), Canvas(8, 2))
    np.testing.assert_array_equal(grey[..., 1:], alpha)
    padded = draw(image, Canvas((8, 10), 4, "pad"))
    np.testing.assert_array_equal(padded[:, 0], [[255, 255, 255, 0]] * 8)


def test_colours_are_weighted_by_alpha_where_images_shrink():
    """A red half that is opaque beside a green one that is transparent shrinks to red, half transparent."""
    image = np.zeros((2, 2, 4), np.uint8)
    image[:, 0], image[:, 1] = (255, 0, 0, 255), (0, 255, 0, 0)
    (((red, green, blue, alpha),),) = draw(Image.fromarray(image), Canvas(1, 4))
    assert (red, green, blue) == (255, 0, 0)
    assert alpha in (127, 128)


def test_bands_are_resized_one_by_one():
    bands = RNG.integers(0, 256, (8, 8, 5), np.uint8)
    np.testing.assert_array_equal(draw_array(bands, Canvas(8, 5)), bands)
    small = draw_array(bands, Canvas((4, 2), 5))
    for channel in range(5):
        alone = draw(Image.fromarray(bands[..., channel]), Canvas((4, 2), 1))
        np.testing.assert_array_equal(small[..., channel], alone[..., 0])
    four = bands[..., :4].copy()
    four[..., 3] = 0  # a band like the others, which hides nothing
    np.testing.assert_array_equal(draw_array(four, Canvas(8, 4)), four)
    with pytest.raises(UserError, match=r"images have 5 channels, but data\.channels is 3; set it to theirs"):
        draw_array(bands, Canvas(8, 3))
    with pytest.raises(UserError, match=r"images have up to 4 channels, but data\.channels is 5"):
        draw(Image.fromarray(COLOUR), Canvas(8, 5))


def test_levels_of_arrays_and_of_bytes():
    floats = RNG.normal(size=(8, 8, 3)).astype(np.float32)
    got = draw_array(floats, Canvas(8, 3, levels=(-4, 4)))
    np.testing.assert_allclose(got / 65535 * 8 - 4, floats, atol=8 / 65535)
    np.testing.assert_array_equal(draw(Image.fromarray(COLOUR), Canvas(8, 3, levels=(0, 255))), COLOUR * np.uint16(257))
    half = draw_array(floats, Canvas(4, 3, levels=(-4, 4)))
    resized = np.asarray(Image.fromarray(floats[..., 0]).resize((4, 4), Image.Resampling.BICUBIC))
    np.testing.assert_allclose(half[..., 0] / 65535 * 8 - 4, np.clip(resized, -4, 4), atol=8 / 65535)


@pytest.mark.parametrize("low", [1e9, -1e9])
@pytest.mark.parametrize("side", [8, 4])
def test_a_window_far_from_0_keeps_its_levels(low, side):
    near = RNG.uniform(0, 100, (8, 8, 1))
    far, close = (draw_array(near + start, Canvas(side, 1, levels=(start, start + 100))) for start in (low, 0.0))
    np.testing.assert_allclose(far.astype(int), close.astype(int), atol=1)
    pixels = np.array([[[low], [np.nan], [np.inf], [-np.inf]]])
    assert draw_array(pixels, Canvas((1, 4), 1, levels=(low, low + 100))).ravel().tolist() == [0, 0, 65535, 0]


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
    ("field", "value"),
    [
        ("size", 0),
        ("size", (8, 0)),
        ("size", (8, 8, 8)),
        ("channels", 65),
        ("fit", "stretch"),
        ("background", "whitish"),
    ],
)
def test_a_wrong_canvas_is_refused(field, value):
    with pytest.raises(ValueError, match="expected"):
        Canvas(**{"size": 8, "channels": 3, field: value})


@pytest.mark.parametrize("fit", ["squeeze", "crop", "pad"])
def test_images_that_lose_their_shape_are_counted(capfd, fit):
    sizes = np.full((4000, 2), 5)
    say_squeezed(Canvas(8, 3, fit), sizes, "images in photos")
    sizes[[0, 7, 3999]] = (5, 6), (6, 5), (8, 1)
    say_squeezed(Canvas(8, 3, fit), sizes, "images in photos")
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


@pytest.mark.parametrize(("channels", "expected"), [(1, [65535, 50000]), (2, [65535, 0, 50000, 65535])])
def test_the_transparent_grey_of_16_bits_with_levels(channels, expected):
    """It stayed, and where transparency was asked for, grey stood for it."""
    image = png(16, 0, struct.pack(">HH", 1000, 50000), struct.pack(">H", 1000))
    meter = Meter()
    draw(png(16, 0, struct.pack(">HH", 1000, 50000), struct.pack(">H", 1000)), Canvas((1, 2), channels, levels=meter))
    assert meter.levels() == (50000, 50001)
    assert draw(image, Canvas((1, 2), channels, levels=(0, 65535))).ravel().tolist() == expected


@pytest.mark.parametrize("mode", ["I", "F", "I;16"])
def test_deep_greys_without_a_transparent_colour_are_opaque(mode):
    image = Image.fromarray(np.array([[10, 20]], {"I": np.int32, "F": np.float32, "I;16": np.uint16}[mode]))
    drawn = draw(image, Canvas((1, 2), 4, levels=(0, 20)))
    assert drawn.tolist() == [[[32768, 32768, 32768, 65535], [65535, 65535, 65535, 65535]]]
