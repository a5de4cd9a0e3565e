"""The classifier learns, repeats itself, and takes any size of image."""

import jax
import numpy as np
import pytest
from flax import linen as nn
from scipy import ndimage

from jaxgan.metrics.features import classifier
from jaxgan.nets import conv


@pytest.fixture(scope="module")
def corners():
    """Noise, and the brightest corner is the class."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 160, (500, 12, 12, 3), np.uint8), rng.integers(0, 4, 500)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[6 * row : 6 * row + 6, 6 * column : 6 * column + 6] += 60
    return images[:400], labels[:400], images[400:], labels[400:]


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(classifier, "BATCH_SIZE", 32)
    monkeypatch.setattr(classifier, "INIT", nn.initializers.he_uniform())  # compiles in a tenth of the time
    monkeypatch.setattr(classifier, "WIDTHS", (8, 16, 16))


@pytest.mark.long
def test_it_learns_corners(corners, quick):
    images, labels, others, their_labels = corners
    losses = []
    params = classifier.train_classifier(images, labels, 4, num_steps=80, on_step=lambda i, loss: losses.append(loss))
    with conv.forced("lax"):  # is the form that compiles fastest
        features, logits = classifier.classify(params, others)
    assert features.shape == (100, classifier.NUM_FEATURES)
    assert (logits.argmax(1) == their_labels).mean() > 0.9
    assert len(losses) == 80
    for leaf in jax.tree.leaves(params):
        np.testing.assert_array_equal(leaf, leaf.astype(np.float16).astype(np.float32))


@pytest.mark.long
def test_equal_arguments_give_equal_parameters(corners, quick):
    images, labels, *_ = corners
    first, again, other = (classifier.train_classifier(images, labels, 4, seed, num_steps=20) for seed in (0, 0, 1))
    equal = lambda a, b: all(map(np.array_equal, jax.tree.leaves(a), jax.tree.leaves(b)))  # noqa: E731
    assert equal(first, again)
    assert not equal(first, other)


def test_fewer_images_than_a_batch_will_do(corners, quick):
    images, labels, *_ = corners
    classifier.train_classifier(images[:5], labels[:5], 4, num_steps=2)


@pytest.mark.parametrize(("side", "channels", "stride"), [(8, 1, 2), (28, 1, 2), (32, 3, 2), (33, 3, 4), (64, 3, 4)])
def test_it_takes_any_size(side, channels, stride):
    assert classifier.first_stride(side) == stride
    images = np.zeros((2, side, side, channels), np.uint8)
    shapes = jax.eval_shape(classifier.Classifier(7).init_with_output, jax.random.key(0), images)
    (features, logits), _ = shapes
    assert (features.shape, logits.shape) == ((2, classifier.NUM_FEATURES), (2, 7))


def test_weights_of_digits_stay_small():
    params = jax.eval_shape(classifier.Classifier(10).init, jax.random.key(0), np.zeros((1, 28, 28, 1), np.uint8))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) < 250_000


def test_images_are_moved_by_a_few_pixels_each():
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28, 1), np.uint8)
    moved = classifier.moved(images, 0, 0)
    shifts = set()
    for before, after in zip(images, moved, strict=True):
        fits = [
            (dy, dx)
            for dy, dx in np.ndindex(5, 5)
            if np.array_equal(after, ndimage.shift(before, (dy - 2, dx - 2, 0), order=0, mode="nearest"))
        ]
        shifts.add(*fits)
    assert len(shifts) > 10
    assert not np.array_equal(moved, classifier.moved(images, 0, 1))


def test_labels_that_do_not_fit_are_refused():
    images, labels = np.zeros((3, 8, 8, 1), np.uint8), np.array([0, 1, 2])
    with pytest.raises(ValueError, match=r"from 0 to 2; expected 0\.\.1"):
        classifier.train_classifier(images, labels, 2)
    with pytest.raises(ValueError, match=r"expected \(3,\)"):
        classifier.train_classifier(images, labels[:2], 3)
    with pytest.raises(ValueError, match="expected uint8"):
        classifier.train_classifier(images.astype(float), labels, 3)
    with pytest.raises(ValueError, match="the images have one class only"):
        classifier.train_classifier(images, 0 * labels, 1)
