"""Data sets that lie on the device: handed out without a copy, gathered as they are read."""

import jax
import numpy as np
import pytest
from ml_collections import ConfigDict

from jaxgan.data import InMemory, resident
from jaxgan.data.sources.synthetic import Synthetic
from jaxgan.data.views import Mirror, skip

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 3, 1), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2], np.int32)


def cached(cache):
    return ConfigDict({"cache": cache})


@pytest.mark.parametrize("first", [0, 2])
def test_nothing_is_copied_on_the_way(first):
    source = skip(InMemory(IMAGES, LABELS, 3), first)
    for cache in ("device", "auto"):
        held = resident(cached(cache), source)
        assert held.images.shape == (6 - first, 4, 3, 1)
        assert np.shares_memory(held.images, IMAGES)
        assert np.shares_memory(held.labels, LABELS)
        twice = resident(cached(cache), Mirror(source))
        assert twice.images is held.images
        assert twice.mirrored
        assert not held.mirrored


def test_only_what_is_meant_for_the_device_goes_there():
    assert resident(cached("host"), InMemory(IMAGES, LABELS, 3)) is None
    assert resident(cached("none"), Synthetic(8, 1)) is None
    assert resident(cached("none"), Mirror(Synthetic(8, 1))) is None


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("shape", [(), (5,), (2, 1, 3)])
def test_gathering_in_a_step_is_reading(shape, mirrored):
    source = InMemory(IMAGES, LABELS, 3)
    source = Mirror(source) if mirrored else source
    rows = np.random.default_rng(1).integers(0, source.info.num_images, shape).astype(np.int32)
    held = jax.device_put(resident(cached("device"), source))
    images, labels = jax.jit(lambda held, rows: held.take(rows))(held, rows)
    expected, numbers = source.read(rows.ravel())
    np.testing.assert_array_equal(images, expected.reshape(*shape, 4, 3, 1))
    np.testing.assert_array_equal(labels, numbers.reshape(shape))
