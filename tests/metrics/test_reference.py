"""Statistics of real images: computed once, found again, replaced where damaged."""

import dataclasses

import numpy as np
import pytest

from jaxgan.data.memory import InMemory
from jaxgan.data.sources.synthetic import Synthetic
from jaxgan.metrics import reference, swd
from jaxgan.metrics.features.network import FeatureNet
from jaxgan.metrics.reference import cached_reference, create_reference, images_of

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 6, 6, 3), np.uint8)


class Counted:
    """Features that count how often they are asked for."""

    calls = 0

    def __call__(self, images):
        self.calls += 1
        means = images.mean((1, 2))
        return means, means


@pytest.fixture
def net(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return FeatureNet("own", "abc", 3, 3, (6, 6, 3), "means of channels", Counted(), chunk=20)


def test_what_is_computed(net, monkeypatch):
    monkeypatch.setattr(reference, "NUM_KEPT", 40)
    real = create_reference(IMAGES, net=net)
    means = IMAGES.mean((1, 2))
    np.testing.assert_allclose(real.moments.mean, means.mean(0), rtol=1e-6)
    np.testing.assert_allclose(real.moments.cov, np.cov(means, rowvar=False), rtol=1e-5)
    np.testing.assert_array_equal(real.class_counts, np.bincount(means.argmax(1), minlength=3))
    assert real.features.shape == (40, 3)
    assert len({tuple(row) for row in real.features}) == 40
    assert real.projections.shape == (40, swd.NUM_PROJECTIONS)


def test_features_of_a_plain_function():
    real = create_reference(IMAGES, None, lambda images: images.mean((1, 2)))
    np.testing.assert_allclose(real.moments.mean, IMAGES.mean((0, 1, 2)), rtol=1e-6)
    with pytest.raises(ValueError, match=r"made float64\[2, 3, 3\] of 2 images; expected float\[2, D\]"):
        create_reference(IMAGES, None, lambda images: images[:, :3, :3, 0] / 255)


def test_pixels_alone():
    real = create_reference(IMAGES)
    assert real.moments is real.features is real.class_counts is None
    np.testing.assert_array_equal(real.projections, swd.project(swd.pixels(IMAGES)))


def equal(first, second):
    flat = lambda it: [np.asarray(x) for x in (*it.moments, it.features, it.class_counts, it.projections)]  # noqa: E731
    return all(map(np.array_equal, flat(first), flat(second)))


def test_it_is_computed_once(net, tmp_path):
    first = cached_reference(IMAGES, net=net)
    calls = net.apply.calls
    again = cached_reference(IMAGES, np.zeros(60, int), net, held_out=(IMAGES, None))
    assert net.apply.calls == calls
    assert equal(first, again)
    assert again.labels is not None
    assert again.held_out is not None
    cached_reference(IMAGES[1:], net=net)
    cached_reference(IMAGES, net=dataclasses.replace(net, digest="abd"))
    cached_reference(IMAGES)
    assert len(list((tmp_path / "jaxgan" / "references").iterdir())) == 4


def test_a_damaged_file_is_replaced(net, tmp_path):
    first = cached_reference(IMAGES, net=net)
    (file,) = (tmp_path / "jaxgan" / "references").iterdir()
    sound = file.read_bytes()
    file.write_bytes(sound[:100] + b"!" + sound[101:])
    assert equal(cached_reference(IMAGES, net=net), first)
    assert file.read_bytes() == sound


def test_what_an_unknown_network_says_is_not_kept(net, tmp_path):
    cached_reference(IMAGES, net=dataclasses.replace(net, digest=""))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_costs_only_time(net, tmp_path):
    (tmp_path / "jaxgan").write_text("in the way")
    assert cached_reference(IMAGES, net=net).moments is not None


def test_images_of_a_source():
    source = InMemory(IMAGES, np.arange(60, dtype=np.int32), 60)
    images, labels = images_of(source)
    np.testing.assert_array_equal(images, IMAGES)
    assert labels.tolist() == list(range(60))
    images, labels = images_of(source, most=10)
    assert len(set(labels)) == 10
    np.testing.assert_array_equal(images, IMAGES[labels])
    assert images_of(InMemory(IMAGES, None, None))[1] is None
    assert len(images_of(Synthetic(8, 1), most=7)[0]) == 7
