"""Classifiers of one's own data, on disk."""

import numpy as np
import pytest
from flax import linen as nn

import jaxgan
from jaxgan.data.sources.synthetic import Synthetic
from jaxgan.metrics.features import classifier, trained

INFO = jaxgan.DataInfo((12, 12, 1), 120, 4)


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(classifier, "BATCH_SIZE", 32)
    monkeypatch.setattr(classifier, "INIT", nn.initializers.he_uniform())  # compiles in a tenth of the time
    monkeypatch.setattr(classifier, "WIDTHS", (8, 8, 8))
    return Synthetic(12, 1).read(np.arange(120))


@pytest.mark.long
def test_a_classifier_is_kept_by_the_digest_of_its_data(data):
    steps = []
    net = trained.fit(*data, INFO, "shapes", num_steps=4, on_step=lambda i, loss: steps.append(i))
    assert steps == [1, 2, 3, 4]
    digest = trained.data_digest(*data)
    found = trained.find(digest, "shapes")
    assert found is not None
    assert found.distance_name == "fd_shapes"
    assert (found.digest, found.about, found.image_shape, found.num_classes) == (
        net.digest, net.about, (12, 12, 1), 4,
    )  # fmt: skip
    assert "of 12 images" in net.about
    for ours, again in zip(net.features_and_logits(data[0]), found.features_and_logits(data[0]), strict=True):
        np.testing.assert_array_equal(ours, again)
    assert trained.find("0" * 16, "shapes") is None


def test_accuracy_is_of_images_it_was_not_trained_on(data):
    images, labels = data
    others = images[90:], labels[90:]
    net = trained.fit(images[:90], labels[:90], INFO, "x", num_steps=2, held_out=others)
    _, logits = net.features_and_logits(images[90:])
    accuracy = (logits.argmax(1) == labels[90:]).mean()
    assert f"right on {accuracy:.2%} of 30 images" in net.about


def test_a_damaged_file_is_refused(data):
    trained.fit(*data, INFO, "x", num_steps=1)
    path = trained.classifier_path(trained.data_digest(*data))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is damaged"):
        trained.find(trained.data_digest(*data), "x")
