"""Fingerprints: equal for equal data however they are held, different for others."""

import numpy as np
import pytest

from jaxgan.base import digests
from jaxgan.base.types import DataInfo
from jaxgan.data import InMemory, fingerprint, identity, in_memory
from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.converted import on_canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.data.sources.synthetic import Synthetic
from jaxgan.data.views import skip

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 3, 1), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)


def test_arrays_are_told_apart_by_pixels_labels_and_shape():
    changed = IMAGES.copy()
    changed[5, 3, 2] ^= 1
    sources = [
        InMemory(IMAGES, LABELS, 3),
        InMemory(changed, LABELS, 3),
        InMemory(IMAGES, LABELS[::-1].copy(), 3),
        InMemory(IMAGES.reshape(6, 3, 4, 1), LABELS, 3),
        InMemory(IMAGES[:5], LABELS[:5], 3),
    ]
    assert len({fingerprint(source) for source in sources}) == 5
    assert fingerprint(InMemory(IMAGES.copy(), LABELS.copy(), 3)) == fingerprint(sources[0])
    assert fingerprint(InMemory(np.asfortranarray(IMAGES), LABELS, 3)) == fingerprint(sources[0])


def test_large_arrays_are_sampled_from_first_to_last(monkeypatch):
    monkeypatch.setattr(identity, "SAMPLED_BYTES", 36)  # three images: 0, 2 or 3, and 5
    whole = identity.of_arrays(IMAGES, LABELS)
    for row, told in [(0, True), (1, False), (5, True)]:
        changed = IMAGES.copy()
        changed[row] += 1
        assert (identity.of_arrays(changed, LABELS) != whole) == told


def test_views_and_caches_keep_or_derive_it():
    source = Synthetic(8, 3)
    assert fingerprint(in_memory(source)) == fingerprint(source)
    assert fingerprint(skip(in_memory(source), 5)) == fingerprint(skip(source, 5)) != fingerprint(source)
    assert fingerprint(skip(source, 6)) != fingerprint(skip(source, 5))
    assert fingerprint(Synthetic(9, 3)) != fingerprint(source)
    digits = open_mnist("test")
    assert fingerprint(on_canvas(digits, Canvas(32, 3), Workers(1))) == fingerprint(digits)
    assert fingerprint(open_mnist("train")) != fingerprint(digits)


def test_a_source_of_ones_own_needs_none():
    class Own:
        info = DataInfo((4, 3, 1), 6, 3)

        def read(self, indices):
            return IMAGES[indices], LABELS[indices]

    assert fingerprint(Own()) is None
    assert fingerprint(skip(Own(), 1)) is None
    assert fingerprint(on_canvas(Own(), Canvas(8, 1), Workers(1))) is None
    assert fingerprint(in_memory(Own())) == fingerprint(InMemory(IMAGES, LABELS, 3))


@pytest.mark.parametrize("parts", [("ab", "c"), ("a", "bc"), ("abc",), (b"ab", "c", "")])
def test_parts_do_not_run_together(parts):
    others = [("ab", "c"), ("a", "bc"), ("abc",), (b"ab", "c", "")]
    assert [digests.digest(*other) == digests.digest(*parts) for other in others].count(True) == 1
