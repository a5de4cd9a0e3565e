"""All measures at once, on digits: they order what the eye orders."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from long_form import long
from scipy import ndimage

from jaxgan.data.memory import InMemory
from jaxgan.data.sources.mnist import open_mnist
from jaxgan.metrics import registry, suite
from jaxgan.metrics.features.digits import load_digits, stacked_digits
from jaxgan.metrics.features.network import from_function
from jaxgan.metrics.reference import create_reference
from jaxgan.metrics.registry import better, measures

NUM = 1000
WITH_LABELS = {
    "fd_mnist", "kid", "kid_se", "precision", "recall", "density", "coverage", "classifier_score",
    "classifier_score_std", "class_accuracy", "class_entropy", "class_kl", "class_chi_square", "memorised", "nearest",
    "repeated",    "swd",
}  # fmt: skip


@pytest.fixture(scope="module")
def test_set():
    """Test digits in random order: the first half of the test set is by tidier writers."""
    source = open_mnist("test")
    return InMemory(*source.read(np.random.default_rng(0).permutation(10_000)), 10)


@pytest.fixture(scope="module")
def real(test_set):
    train = open_mnist("train")
    held_out = test_set.images[:NUM], test_set.labels[:NUM]
    return create_reference(train.images[:4000], train.labels[:4000], load_digits(), held_out=held_out)


@pytest.fixture(scope="module")
def scores(real, test_set):
    """Sets of images from bad to good, and what each scores."""
    rng = np.random.default_rng(0)
    images, labels = test_set.images, test_set.labels
    sets = {
        "noise": rng.integers(0, 256, (NUM, 28, 28, 1), np.uint8),
        "one class": images[labels == 7][:NUM],
        "blurred": ndimage.gaussian_filter(images[:NUM], (0, 1.5, 1.5, 0)),
        "no nines": images[labels < 9][:NUM],
        "digits": images[:NUM],
    }
    names = ("fd", "kid", "prdc", "class_entropy", "class_kl", "swd")
    return {name: suite.score(pictures, None, real, names=names) for name, pictures in sets.items()}


def column(scores, name):
    return [scores[kind][name] for kind in scores]


@pytest.mark.long
def test_the_distance_orders_images_as_the_eye_does(scores):
    for name in ("fd_mnist", "kid"):
        noise, one_class, blurred, no_nines, digits = column(scores, name)
        assert noise > blurred > no_nines > 2 * digits, name
        assert one_class > no_nines, name
    assert scores["digits"]["swd"] == min(column(scores, "swd"))


@pytest.mark.long
def test_each_measure_sees_its_own_fault(scores):
    assert scores["one class"]["precision"] > 0.6
    assert scores["one class"]["recall"] < 0.3
    assert scores["one class"]["coverage"] < 0.3
    assert scores["one class"]["class_entropy"] < 0.1
    # Noise lies together, and eight wide balls of odd digits hold a fifth of it: precise and dense in small part, but
    # it is like no digit but those, and no digit is like it.
    assert scores["noise"]["precision"] < 0.3 * scores["digits"]["precision"]
    assert scores["noise"]["density"] < 0.3
    assert scores["noise"]["coverage"] < 0.02
    assert scores["noise"]["recall"] < 0.01
    assert scores["digits"]["density"] == pytest.approx(1, abs=0.15)
    assert scores["digits"]["class_entropy"] > 0.98
    assert scores["no nines"]["class_kl"] == pytest.approx(np.log(1 / 0.9), abs=0.03)


@pytest.mark.long
def test_everything_that_can_be_measured_is(real, test_set):
    images, labels = test_set.images[:50], test_set.labels[:50]
    assert suite.score(images, labels, real).keys() == WITH_LABELS
    assert suite.score(images, None, real).keys() == WITH_LABELS - {"class_accuracy"}
    pixels = create_reference(test_set.images[50:100])
    assert suite.score(images, labels, pixels).keys() == {"nearest", "swd"}


@pytest.mark.long
def test_equal_arguments_give_equal_figures(real, test_set):
    images = test_set.images[:100]
    assert suite.score(images, None, real, seed=1) == suite.score(images, None, real, seed=1)


@pytest.mark.long
@pytest.mark.parametrize(
    "told", [jax.enable_x64(True), *long(jax.transfer_guard("disallow"), jax.numpy_dtype_promotion("strict"))]
)
def test_figures_do_not_depend_on_what_jax_is_told(real, test_set, told):
    images, labels = test_set.images[:60], test_set.labels[:60]
    expected = suite.score(images, labels, real)
    with told:
        assert suite.score(images, labels, real) == pytest.approx(expected, rel=1e-5)
        create_reference(images, labels, real.net)


def test_labels_that_were_asked_for_are_compared(real, test_set):
    right = suite.score(test_set.images[:500], test_set.labels[:500], real, names=["class_accuracy"])
    wrong = suite.score(test_set.images[:500], (test_set.labels[:500] + 1) % 10, real, names=["class_accuracy"])
    assert right["class_accuracy"] > 0.98
    assert wrong["class_accuracy"] < 0.02


def test_repeated_training_images_are_noticed(real):
    assert suite.score(real.images[:100], None, real, names=["nearest"]) == {"nearest": 0}
    assert suite.floor(real, 100, names=["nearest"]).scores["nearest"] > 0.1


@pytest.mark.long
def test_the_floor_is_near_the_formulas(real):
    floor = suite.floor(real, 800)
    assert floor.compared == "800 held-out images against 4000 training images"
    assert floor.scores.keys() == WITH_LABELS
    # The test set's digits are by other writers: no closer to the training set's than theirs to each other.
    halves = suite.floor(dataclasses.replace(real, held_out=None), 800).scores
    assert 0.5 < floor.scores["fd_mnist"] / halves["fd_mnist"] < 6
    assert 0.5 < floor.scores["swd"] / halves["swd"] < 4
    nearest = np.arange(4000 - 5, 4000)  # all five of 4,799 that are real
    assert floor.scores["coverage"] == pytest.approx(1 - np.prod(nearest / (nearest + 800)), abs=0.08)
    assert floor.scores["class_kl"] < 4 * 9 / 2 * (1 / 800 + 1 / 4000)


@pytest.mark.long
def test_two_halves_where_nothing_was_held_out(test_set):
    real = create_reference(test_set.images[:3001], test_set.labels[:3001], load_digits())
    names = ("fd", "swd", "class_chi_square")
    floor = suite.floor(real, 10_000, names=names)
    assert floor.compared == "1500 training images against 1501 others"
    other = create_reference(test_set.images[3001:4501], None, load_digits())
    expected = suite.score(test_set.images[4501:6001], None, other, names=names)
    assert floor.scores["fd_mnist"] == pytest.approx(expected["fd_mnist"], rel=0.25)
    assert floor.scores["swd"] == pytest.approx(expected["swd"], rel=0.4)
    assert floor.scores["class_chi_square"] < 30


@pytest.mark.long
def test_modes_of_stacked_digits(test_set):
    rng = np.random.default_rng(0)
    stacked = test_set.images[rng.integers(0, 10_000, (2000, 3))][..., 0].transpose(0, 2, 3, 1)
    net = stacked_digits(28)
    real = create_reference(stacked[:1500], None, net)
    some = suite.score(stacked[1500:], None, real, names=["fd", "modes"])
    assert some.keys() == {"fd_stacked_mnist", "modes", "modes_3", "mode_kl"}
    assert 350 < some["modes"] < 450  # 1000 (1 - 0.999^500) = 394
    stuck = suite.score(stacked[:1].repeat(50, 0), None, real, names=["modes"])
    assert stuck == {"modes": 1, "modes_3": 1, "mode_kl": pytest.approx(np.log(1000))}
    assert "modes" not in suite.available(None, False)


def test_mistakes_are_named(real, test_set):
    images = test_set.images[:10]
    with pytest.raises(ValueError, match=r"A measure is 'fid'; expected one of fd, kid"):
        suite.score(images, None, real, names=["fid"])
    with pytest.raises(ValueError, match="'class_accuracy' needs the classes that were asked for"):
        suite.score(images, None, real, names=["class_accuracy"])
    with pytest.raises(ValueError, match="'fd' needs a feature network"):
        suite.score(images, None, create_reference(images), names=["fd"])
    with pytest.raises(ValueError, match="'modes' needs the features of stacked MNIST"):
        suite.score(images, None, real, names=["modes"])
    with pytest.raises(ValueError, match=r"expected \(28, 28, 1\)"):
        suite.score(images[:, :14], None, real)


def test_every_file_of_a_measure_is_found_and_features_come_first():
    assert list(measures()) == [
        "fd", "kid", "memorised", "repeated", "prdc", "class_entropy", "class_kl", "class_chi_square",
        "classifier_score", "class_accuracy", "attributes", "modes", "nearest", "swd",
    ]  # fmt: skip
    assert [better(name) for name in ("fid_clean", "recall", "nearest", "swd")] == ["min", "max", "", "min"]
    assert [better(name) for name in ("right/hair", "error/age", "attributes_right")] == ["max", "min", "max"]


def test_a_new_measure_is_one_function(monkeypatch):
    monkeypatch.setattr(registry, "_FOUND", dict(registry._FOUND))
    measures()
    registry.measure("brightness", higher=("brightness",))(lambda given: {"brightness": float(given.images.mean())})
    assert suite.score(np.full((2, 4, 4, 1), 7, np.uint8), None, create_reference(np.zeros((9, 4, 4, 1), np.uint8)))[
        "brightness"
    ] == pytest.approx(7)
    assert better("brightness") == "max"
    monkeypatch.undo()
    assert "brightness" not in measures()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", [name for name, one in measures().items() if one.needs == ("features",)])
def test_features_that_are_not_finite_are_refused_by_every_measure(name, bad):
    images = np.random.default_rng(0).integers(0, 256, (30, 4, 4, 1), np.uint8)

    def embed(images):
        features = images.reshape(len(images), -1) / 255
        features[images[:, 0, 0, 0] == 255] = bad
        return features

    images[:, 0, 0, 0] = 7
    real = create_reference(images, None, from_function(embed, (4, 4, 1)))
    assert suite.score(images, None, real, names=[name])
    images[3, 0, 0, 0] = 255
    with pytest.raises(ValueError, match="'embed' are not all finite"):
        suite.score(images, None, real, names=[name])
    with pytest.raises(ValueError, match="'embed' are not all finite"):
        create_reference(images, None, real.net)


@pytest.mark.parametrize("name", measures())
def test_a_floor_is_measured_of_the_least_images_and_refused_of_fewer(name):
    rng, one = np.random.default_rng(0), measures()[name]
    size, channels = 28, 3 if "modes" in one.needs else 1
    net = stacked_digits(28) if "modes" in one.needs else load_digits() if one.needs else None
    labels = np.zeros(2 * one.least, int)
    if "attributes" in one.needs:
        tells = {"label_size": 10, "label_names": tuple("abcdefghij"), "is_binary": (True,) * 10}
        net, labels = dataclasses.replace(load_digits(), num_classes=None, **tells), np.eye(10)[labels]
    images = rng.integers(0, 256, (2 * one.least, size, size, channels), np.uint8)
    suite.check_numbers([name], len(images), None)
    suite.check_numbers([name], one.least, one.least)
    real = create_reference(images, labels, net)
    assert suite.floor(real, 100, names=[name]).scores
    for real_and_held_out, needed in (
        ((2 * one.least - 1, None), 2 * one.least),
        ((100, one.least - 1), one.least),
        ((one.least - 1, 100), one.least),
    ):
        with pytest.raises(ValueError, match=rf"the measure '{name}' takes {needed} or more"):
            suite.check_numbers([name], *real_and_held_out)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((20, 4, 4, 1), np.float32), None, r"images are float32\[20, 4, 4, 1\]; expected uint8"),
        (np.zeros((20, 4, 4), np.uint8), None, r"images are uint8\[20, 4, 4\]; expected uint8\[N, H, W, C\]"),
        ([[1]], None, r"images are list\[1, 1\]"),
        (np.zeros((20, 4, 4, 1), np.uint8), np.arange(19), r"labels are int64\[19\]; expected classes int\[20\]"),
        (np.zeros((20, 4, 4, 1), np.uint8), np.arange(20) - 1, "from 0 on"),
        (np.zeros((20, 4, 4, 1), np.uint8), np.zeros(20), r"labels are float64\[20\]"),
    ],
)
def test_images_and_labels_of_another_kind_are_refused(images, labels, message):
    good = np.random.default_rng(0).integers(0, 256, (20, 4, 4, 1), np.uint8)
    with pytest.raises(ValueError, match=message):
        suite.score(images, labels, create_reference(good), names=["swd"])
    with pytest.raises(ValueError, match=message):
        create_reference(images, labels)
    with pytest.raises(ValueError, match=message):
        create_reference(good, held_out=(images, labels))


def test_a_bundled_measure_is_not_replaced():
    before = measures()["swd"].compute

    def mine(given):
        return {"swd": -7.0}

    assert registry.measure("partial")(functools.partial(mine)) is not None  # it has no module
    assert "partial" in measures()
    registry._FOUND.pop("partial")
    with pytest.raises(ValueError, match="'swd' is a bundled measure; give yours another name"):
        registry.measure("swd")(mine)
    assert measures()["swd"].compute is before
    with pytest.raises(ValueError, match="a need of a measure is 'nosuch'"):
        registry.measure("mine", "nosuch")
