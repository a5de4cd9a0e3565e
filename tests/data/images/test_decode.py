"""Images that a stranger made: bounded before they are decoded, and never more than a reason why not."""

import io
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from fuzz import FUZZ
from hypothesis import given, strategies as st
from PIL import Image

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.decode import FORMATS, Header, decode, look
from jaxgan.data.images.memory_budget import MAX_BYTES
from jaxgan.data.images.threads import Workers
from jaxgan.data.images.tree import EXTENSIONS, TOO_LARGE, UNREADABLE
from jaxgan.data.sources.folder import open_folder

CANVAS = Canvas(8, 3)
NOISE = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)


def encoded(file_format, pixels=NOISE, **options):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, file_format, **options)
    return stream.getvalue()


# One of each format, and variants that take other paths through the decoders.
SAMPLES = {
    "png": encoded("PNG"),
    "jpeg": encoded("JPEG", progressive=True),
    "webp": encoded("WEBP", lossless=True, method=0),
    "bmp": encoded("BMP"),
    "gif": encoded("GIF", save_all=True, append_images=[Image.new("RGB", (30, 40))]),
    "tiff": encoded("TIFF", compression="tiff_lzw"),
    "ppm": encoded("PPM"),
    "tga": encoded("TGA", compression="tga_rle"),
    "jpeg2000": encoded("JPEG2000"),
    "qoi": encoded("QOI"),
    "16 bits": encoded("PNG", NOISE[..., 0].astype(np.uint16) * 257),
    "float": encoded("TIFF", NOISE[..., 0].astype(np.float32)),
}


def png(width, height, chunks=()):
    """A PNG of any size whose pixels are missing."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_is_looked_at_and_decoded(tmp_path, name):
    file = tmp_path / "image"  # the content decides, not the name
    file.write_bytes(SAMPLES[name])
    assert look(str(file)) == Header(len(SAMPLES[name]), 30, 40, name == "gif")
    if name == "float":
        with pytest.raises(UserError, match=r"pixels of float32, which have no scale .* set config\.data\.levels"):
            decode(str(file), CANVAS)
        return
    assert decode(str(file), CANVAS).shape == (8, 8, 3)


def test_every_ending_belongs_to_a_format_that_is_read():
    Image.init()
    known = {ending for ending, name in Image.registered_extensions().items() if name in FORMATS}
    assert known >= EXTENSIONS


@pytest.mark.parametrize("name", ["EPS", "ICO", "PDF", "PCX"])
def test_formats_that_are_not_on_the_list_are_refused_whatever_their_name(tmp_path, name):
    file = tmp_path / "image.png"
    file.write_bytes(encoded(name))
    assert look(str(file)) == UNREADABLE
    assert decode(str(file), CANVAS) is None


@pytest.mark.parametrize(
    "size", [(8193, 8193), (65536, 1), (30, 1_835_048), (2**31 - 1, 1), (2**31 - 1, 2**31 - 1), (65535, 65535)]
)
def test_huge_dimensions_are_refused_by_the_header(tmp_path, size):
    file = tmp_path / "a.png"
    file.write_bytes(png(*size))
    assert look(str(file)) == TOO_LARGE
    assert decode(str(file), CANVAS) is None


def test_files_of_many_bytes_are_not_read(tmp_path):
    file = tmp_path / "a.webp"
    file.write_bytes(SAMPLES["webp"])
    os.truncate(file, MAX_BYTES + 1)  # a hole, which takes no space
    assert look(str(file)) == TOO_LARGE
    assert decode(str(file), CANVAS) is None


def test_a_fifo_that_took_the_place_of_an_image_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert look(str(tmp_path / "a.png")) == UNREADABLE
    with pytest.raises(UserError, match=r"a\.png cannot be read \(it is no regular file; tried 1 times\)"):
        decode(str(tmp_path / "a.png"), CANVAS)


def test_bombs_are_left_out_with_a_count_and_the_others_read(tmp_path):
    (tmp_path / "good.png").write_bytes(SAMPLES["png"])
    (tmp_path / "huge.png").write_bytes(png(60_000, 60_000))
    (tmp_path / "wide.png").write_bytes(png(9_000, 9_000))
    text = b"Comment\0\0" + zlib.compress(bytes(2**26), 9)  # 64 KiB that unpack to 64 MiB
    (tmp_path / "text.png").write_bytes(png(8, 8, [(b"zTXt", text)]))
    lines = []
    with terminal.divert(lines.append):
        source = open_folder(str(tmp_path), CANVAS, Workers(2))
        source.load()
        source.announce()
    assert source.info.num_images == 1
    assert lines[0] == f"Left out of {tmp_path}: 2 too large (huge.png, wide.png), 1 unreadable (text.png)."


@pytest.mark.long
def test_memory_stays_bounded_however_many_threads_decode_large_images(tmp_path):
    Image.new("RGB", (2048, 2048), "red").save(tmp_path / "a.webp", lossless=True, method=0)  # 4 MPixels in 40 bytes
    code = """
import resource, sys
from jaxgan.data.images import decode, memory_budget
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.threads import Workers
memory_budget.PIXELS._free = 2**22  # one of them at a time
canvas = Canvas(8, 3)
def one(number):
    assert decode.decode(sys.argv[1], canvas) is not None
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
Workers(8).run(one, 8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(2**20)}  # give freed memory back, to count what is in use
    command = [sys.executable, "-c", code, str(tmp_path / "a.webp")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert int(done.stdout) * 1024 < 2 * 20 * 2**22, done.stderr


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "image.png"


def check(file, content):
    """Any bytes give a header or a reason, and pixels, None or a call for levels: no other exception."""
    file.write_bytes(content)
    found = look(str(file))
    assert isinstance(found, Header | str)
    try:
        pixels = decode(str(file), CANVAS)
    except UserError:
        pixels = None
    if pixels is not None:
        assert isinstance(found, Header)
        assert (pixels.shape, pixels.dtype) == ((8, 8, 3), np.uint8)


@FUZZ
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8),
    cut=st.none() | st.integers(0, 10**6),
)
def test_fuzz_damaged_images_are_pixels_or_none(file, name, flips, cut):
    content = bytearray(SAMPLES[name])
    for place, value in flips:
        # Headers decide more than pixels: half of the damage goes to the first bytes.
        content[place % (64 if place % 2 else len(content)) % len(content)] = value
    check(file, bytes(content[: None if cut is None else cut % len(content)]))


@FUZZ
@given(start=st.sampled_from([b"", *(sample[:12] for sample in SAMPLES.values())]), rest=st.binary(max_size=400))
def test_fuzz_any_bytes_are_pixels_or_none(file, start, rest):
    check(file, start + rest)
