"""What tests of data sets in containers share: images to write, and a source opened by its path alone."""

import io

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from jaxgan import data
from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.config import default

N = 6
PIXELS = np.random.default_rng(0).integers(0, 256, (N, 8, 8, 3), np.uint8)


def png(pixels, kind="PNG"):
    """An encoded image."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


PNGS = [png(pixels) for pixels in PIXELS]


def config(path, **changes):
    """The data section of a configuration with images of 8x8 in colour."""
    fields = default().data
    with fields.unlocked():
        fields.update({"path": str(path), "source": "auto", "image_size": 8, "channels": 3, "workers": 1} | changes)
    return fields


def opened(path, **changes):
    """Open a path; returns the source as it reads its files, the kind that was found, and what was said."""
    fields, said = config(path, cache="none", batch_size=2, **changes), []
    with terminal.divert(said.append):
        source = data.open_source(fields)
    return source, said


def check(source, pixels=PIXELS, labels=None, classes=None, names=None):
    """The images, in any order of reading and in memory, are those pixels, with those labels."""
    rows = np.array([len(pixels) - 1, 0, 0, *range(len(pixels))])
    images, read = source.read(rows)
    np.testing.assert_array_equal(images, pixels[rows])
    wanted = np.zeros(len(pixels), np.int32) if labels is None else np.array(labels)
    assert (read.dtype, read.tolist()) == (np.int32, wanted[rows].tolist())
    held = data.in_memory(source)
    np.testing.assert_array_equal(held.images, pixels)
    assert held.labels.tolist() == wanted.tolist()
    assert (source.info.num_images, source.info.num_classes) == (len(pixels), classes)
    assert len(source.info.label_names) in (0, classes)
    assert source.info.image_shape == pixels.shape[1:]
    if names is not None:
        assert list(source.records.labels.names) == names
    assert len(source.fingerprint) == 32


@st.composite
def damaged(draw, contents, end):
    """Files with some bytes changed, half of them in the last `end` ones, and perhaps cut; or any bytes."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=300))
    content = bytearray(draw(st.sampled_from(contents)))
    for place, value in draw(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=8)):
        content[-1 - place % min(end, len(content)) if place % 2 else place % len(content)] = value
    cut = draw(st.none() | st.integers(0, 10**6))
    return bytes(content[: None if cut is None else cut % len(content)])


def or_sentence(call, name):
    """Return what a call does, or None where it raises a sentence that names the file."""
    try:
        return call()
    except UserError as error:
        said = str(error)
    assert name in said
    return None
