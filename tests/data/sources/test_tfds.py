"""A tiny data set, prepared and read by TensorFlow Datasets without TensorFlow."""

import io

import numpy as np
import pytest
from PIL import Image

from jaxgan.data.images.canvas import Canvas
from jaxgan.data.images.threads import Workers
from jaxgan.data.sources.tfds import Tfds

tfds = pytest.importorskip("tensorflow_datasets")
pytest.importorskip("array_record")

CANVAS = Canvas(8, 3)


def pixels(i):
    return np.random.default_rng(i).integers(0, 256, (8, 8, 4), np.uint8)


class JaxganTiny(tfds.core.GeneratorBasedBuilder):
    """40 transparent images with labels, and 3 whose labels are unknown."""

    VERSION = tfds.core.Version("1.0.0")
    code_path = None  # there are no checksums beside this file, and looking for them needs another package

    def _info(self):
        features = {
            "image": tfds.features.Image(shape=(None, None, 4)),
            "label": tfds.features.ClassLabel(num_classes=3),
            "name": tfds.features.Text(),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(40, True), "unlabelled": self._generate_examples(3, False)}

    def _generate_examples(self, num, labelled):
        for i in range(num):
            file = io.BytesIO()
            Image.fromarray(pixels(i)).save(file, "png")
            file.seek(0)
            yield i, {"image": file, "label": i % 3 if labelled else -1, "name": str(i)}


class JaxganWords(tfds.core.GeneratorBasedBuilder):
    """A data set without images."""

    VERSION = tfds.core.Version("1.0.0")
    code_path = None

    def _info(self):
        features = tfds.features.FeaturesDict({"word": tfds.features.Text()})
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        yield 0, {"word": "none"}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("tfds"))
    for builder in (JaxganTiny, JaxganWords):
        builder(data_dir=folder, file_format="array_record").download_and_prepare()
    return folder


def open_tfds(data_dir, name="jaxgan_tiny", split="train"):
    return Tfds(name, split, data_dir, CANVAS, Workers(2))


def test_images_labels_and_transparency(data_dir):
    source = open_tfds(data_dir)
    assert source.info.image_shape == (8, 8, 3)
    assert (source.info.num_images, source.info.num_classes) == (40, 3)
    images, labels = source.read(np.arange(40))
    white = Image.new("RGBA", (8, 8), "white")
    expected = {}
    for i in range(40):
        flat = Image.alpha_composite(white, Image.fromarray(pixels(i))).convert("RGB")
        expected[i] = np.asarray(flat, int)
    found = [min(expected, key=lambda i, image=image: np.abs(expected[i] - image).sum()) for image in images]
    assert sorted(found) == list(range(40))  # tfds shuffles when it prepares
    for image, label, i in zip(images, labels, found, strict=True):
        np.testing.assert_allclose(image, expected[i], atol=1)
        assert label == i % 3
    order = np.array([39, 3, 3, 0])
    again, same = source.read(order)
    np.testing.assert_array_equal(again, images[order])
    np.testing.assert_array_equal(same, labels[order])


def test_parts_of_splits_and_unknown_labels(data_dir):
    assert open_tfds(data_dir, split="train[:25%]").info.num_images == 10
    source = open_tfds(data_dir, split="unlabelled")
    assert source.info.num_classes is None
    assert source.read(np.arange(3))[1].tolist() == [0, 0, 0]


def test_mock_data():
    with tfds.testing.mock_data(num_examples=5):
        source = open_tfds("", name="mnist")
        assert (source.info.num_images, source.info.num_classes) == (5, 10)
        images, labels = source.read(np.arange(5))
    assert images.shape == (5, 8, 8, 3)
    assert images.std() > 0
    assert (labels < 10).all()


def test_emnist_is_upright_and_its_letters_are_26():
    """tfds gives the images transposed, and 37 classes for 1..26."""
    upright = np.arange(64, dtype=np.uint8).reshape(8, 8)
    file = io.BytesIO()
    Image.fromarray(upright.T).save(file, "png")
    for name, classes, label in (("emnist/letters", 26, 2), ("emnist/digits", 10, 3)):
        with tfds.testing.mock_data(num_examples=1):
            source = Tfds(name, "train", "", Canvas(8, 1), Workers(1))
        source._data = [{"image": file.getvalue(), "label": 3}, {"image": upright.T[..., None], "label": 3}]
        assert source.info.num_classes == classes
        for row in (0, 1):
            images, labels = source.read(np.array([row]))
            np.testing.assert_array_equal(images[0, ..., 0], upright)
            assert labels.tolist() == [label]


def test_mistakes_are_sentences(data_dir, tmp_path):
    with pytest.raises(ValueError, match='Did you mean "jaxgan_tiny"'):
        open_tfds(data_dir, name="jaxgan_tinny")
    with pytest.raises(ValueError, match=r"data.name is ''"):
        open_tfds(data_dir, name="")
    with pytest.raises(ValueError, match=r"data.name is 'jaxgan_tiny:9.9.9'"):
        open_tfds(data_dir, name="jaxgan_tiny:9.9.9")
    with pytest.raises(ValueError, match="expected one of train, unlabelled"):
        open_tfds(data_dir, split="test")
    for empty in ("train[5:2]", "train[x"):
        with pytest.raises(ValueError, match=r"data.split is 'train"):
            open_tfds(data_dir, split=empty)
    with pytest.raises(ValueError, match="has no images, but word"):
        open_tfds(data_dir, name="jaxgan_words")
    with pytest.raises(FileNotFoundError, match=r"not prepared as array_record .*download_and_prepare"):
        open_tfds(str(tmp_path))


def test_the_fingerprint_tells_splits_and_parts_apart(data_dir):
    assert open_tfds(data_dir).fingerprint == open_tfds(data_dir).fingerprint
    splits = ["train", "unlabelled", "train[:25%]", "train[25%:50%]"]
    assert len({open_tfds(data_dir, split=split).fingerprint for split in splits}) == 4


def test_images_that_lose_their_shape_are_counted_in_a_sample(data_dir, capfd):
    open_tfds(data_dir).announce()
    assert capfd.readouterr().err == ""
    with tfds.testing.mock_data(num_examples=70):
        Tfds("oxford_flowers102", "train", "", CANVAS, Workers(1)).announce()
    assert "of 64 images looked at are not square" in capfd.readouterr().err
