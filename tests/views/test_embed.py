import base64
import io

import numpy as np
import pytest
from PIL import Image

from jaxgan.views import embed


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def opened(embedded):
    kind, content = embedded.uri.removeprefix("data:").split(";base64,")
    return kind, base64.b64decode(content), Image.open(io.BytesIO(base64.b64decode(content)))


NOISE = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)


def test_a_image_is_embedded_as_it_is(tmp_path):
    content = png(NOISE)
    (tmp_path / "a.png").write_bytes(content)
    for picture in content, tmp_path / "a.png":
        done = embed.embed(picture, 1 << 20)
        assert done is not None
        assert (done.width, done.height) == (400, 300)
        assert opened(done)[:2] == ("image/png", content)


def test_a_large_image_becomes_a_smaller_file_that_shows_the_same():
    smooth = np.asarray(Image.fromarray(NOISE[:6, :8]).resize((400, 300)))
    for pixels, most in (NOISE, 60_000), (smooth, 8_000):
        assert len(png(pixels)) > most
        done = embed.embed(png(pixels), most)
        assert done is not None
        kind, content, image = opened(done)
        assert kind == "image/jpeg"
        assert len(content) <= most
        assert (done.width, done.height) == (400, 300)
    assert np.abs(np.asarray(image.resize((400, 300)), float) - smooth).mean() < 8


@pytest.mark.parametrize("broken", [b"", b"no image"])
def test_what_cannot_be_read_is_left_out(broken, tmp_path):
    assert embed.embed(broken, 100) is None
    assert embed.embed(tmp_path / "missing.png", 100) is None
    good = png(NOISE[:4, :4])
    assert [step for step, _ in embed.embed_all([(1, good), (2, broken), (3, good)], 40, 1 << 20)] == [1, 3]


def test_many_images_keep_to_their_bytes():
    pictures = [(i, png(NOISE)) for i in range(20)]
    done = embed.embed_all(pictures, 5, 200_000)
    assert [step for step, _ in done] == [0, 5, 10, 14, 19]
    assert sum(len(opened(one)[1]) for _, one in done) <= 200_000


def test_many_pixels_in_few_bytes_are_shrunk(monkeypatch):
    monkeypatch.setattr(embed, "MOST_PIXELS", 3 * 100 * 150)
    flat = np.zeros((300, 400), np.uint8)
    done = embed.embed_all([(i, png(flat)) for i in range(3)], 40, 1 << 20)
    assert [opened(one)[2].size for _, one in done] == [(100, 75)] * 3
    assert [(one.width, one.height) for _, one in done] == [(400, 300)] * 3


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_come_back(channels):
    pixels = NOISE[:5, :7, :channels]
    done = embed.embed_pixels(pixels)
    assert (done.width, done.height) == (7, 5)
    np.testing.assert_array_equal(np.asarray(opened(done)[2]).reshape(pixels.shape), pixels)
