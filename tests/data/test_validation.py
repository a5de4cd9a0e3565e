"""What `source=` may return, and the sentence for everything else."""

import numpy as np
import pytest
import tiny
from PIL import Image

import jaxgan
from jaxgan import data
from jaxgan.base.types import DataInfo
from jaxgan.data.validation import TRIED, Checked
from jaxgan.rundir import saved_config

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), np.uint8)
LABELS = np.arange(40) % 4
INFO = DataInfo((8, 8, 3), 40, 4)


class Own:
    """A custom source whose answers are changed."""

    fingerprint = "f00d"

    def __init__(self, images=lambda x: x, labels=lambda x: x, info=INFO):
        self.images, self.labels, self.info = images, labels, info

    def read(self, indices):
        return self.images(IMAGES[indices]), self.labels(LABELS[indices])


def test_a_good_source_is_what_it_was():
    source = data.checked(Own())
    assert isinstance(source, Checked)
    assert (source.info, source.fingerprint) == (DataInfo((8, 8, 3), 40, 4), "f00d")
    images, labels = source.read(np.array([3, 3, 0]))
    np.testing.assert_array_equal(images, IMAGES[[3, 3, 0]])
    np.testing.assert_array_equal(labels, LABELS[[3, 3, 0]])
    assert labels.dtype == np.int32
    plain = data.checked(Own(labels=np.zeros_like, info=DataInfo((8, 8, 3), 40)))
    assert not plain.read(np.arange(4))[1].any()


def test_numbers_of_numpy_are_as_good_in_what_a_source_tells(tmp_path):
    info = DataInfo(np.asarray((8, 8, 3)), np.int64(40), np.int32(4), np.int8(0))
    assert info == DataInfo((8, 8, 3), 40, 4)
    config = tiny.get_config()
    config.train.num_steps = 2
    for source in Own(info=info), data.InMemory(IMAGES, LABELS, LABELS.max() + 1, fingerprint="f00d"):
        jaxgan.train(config, tmp_path / "run", source=source)  # first a new run, then the same one again
    assert saved_config.load_saved(tmp_path / "run").data == info
    for wrong in ((8, 8, 3), 40.0), ((8, 8, 3.0), 40), (8, 40), ((8, 8, 3), 40, "4"):
        with pytest.raises(jaxgan.UserError, match=r"of a DataInfo is .*; expected whole numbers"):
            DataInfo(*wrong)


@pytest.mark.parametrize("fingerprint", [5, b"f00d", "f00d\x1b[2J"])
def test_a_fingerprint_that_a_run_could_not_hold_is_refused(tmp_path, fingerprint):
    sources = [Own(), data.InMemory(IMAGES, LABELS, 4, fingerprint=fingerprint)]
    sources[0].fingerprint = fingerprint
    for source in sources:
        with pytest.raises(jaxgan.UserError, match=r"the fingerprint of .* is "):
            jaxgan.train(tiny.get_config(), tmp_path / "run", source=source)
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.mark.parametrize("name", ["b\x1b[2J", 5])
def test_a_labels_name_that_a_run_could_not_hold_is_refused(name):
    with pytest.raises(jaxgan.UserError, match="a label's name is "):
        data.InMemory(IMAGES, LABELS, 4, label_names=("a", name, "c", "d"))


@pytest.mark.parametrize("cache", ["host", "none"])
def test_a_folder_whose_classes_have_such_names_is_refused_too(tmp_path, cache):
    for name in "a\x1b[2J", "b":
        (tmp_path / name).mkdir()
        for i in range(4):
            Image.fromarray(IMAGES[i]).save(tmp_path / name / f"{i}.png")
    config = tiny.get_config().data
    config.update(source="folder", path=str(tmp_path), cache=cache)
    with pytest.raises(jaxgan.UserError, match=r"a label's name is 'a\\x1b\[2J'; expected text"):
        data.open_source(config)


def test_arrays_in_memory_were_checked_before():
    held = data.InMemory(IMAGES, LABELS, 4)
    assert data.checked(held) is held


WRONG = [
    ({"images": lambda x: x / 255.0}, "images are float64; expected uint8"),
    ({"images": lambda x: x > 127}, "images are bool; expected uint8"),
    ({"images": lambda x: x.transpose(0, 3, 1, 2)}, r"shape \(16, 3, 8, 8\), as of \[N, C, H, W\]; give images"),
    ({"images": lambda x: x[..., 0]}, r"shape \(16, 8, 8\); expected \[N, H, W, C\]"),
    ({"images": lambda x: x[:, :4]}, r"shape \(16, 4, 8, 3\); expected \(16, 8, 8, 3\), as source.info says"),
    ({"images": lambda x: x[1:]}, r"shape \(15, 8, 8, 3\); expected \(16, 8, 8, 3\)"),
    ({"labels": lambda x: x + 1}, "labels are from 1 to 4, num_classes 4; expected 0 to 3"),
    ({"labels": lambda x: x - 1}, "labels are from -1 to 2"),
    ({"labels": lambda x: np.eye(4)[x]}, r"labels are float64\(16, 4\)"),
    ({"labels": lambda x: x.astype(np.float32)}, "labels are float32"),
    ({"labels": lambda x: None}, "labels are not given and num_classes is 4"),
    ({"info": DataInfo((8, 8, 3), 40)}, "labels are given and num_classes is None"),
    ({"info": DataInfo((8, 8, 3), 0, 4)}, "num_images is 0; expected at least 1"),
    ({"info": {"num_images": 40}}, "source= is Own; expected an object with info, a jaxgan.DataInfo"),
]


@pytest.mark.parametrize(("change", "sentence"), WRONG)
def test_what_is_no_batch_is_refused_before_a_run_is_begun(change, sentence, tmp_path):
    with pytest.raises(jaxgan.UserError, match=sentence):
        Checked(Own(**change))
    with pytest.raises(jaxgan.UserError, match=sentence):
        jaxgan.train(tiny.get_config(), tmp_path / "run", source=Own(**change))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("answer", [None, IMAGES[:TRIED], (IMAGES[:TRIED],), {"images": 1, "labels": 2, "x": 3}])
def test_answers_that_are_not_two_arrays_are_refused(answer):
    source = Own()
    source.read = lambda indices: answer
    with pytest.raises(jaxgan.UserError, match="expected two arrays: images and labels"):
        Checked(source)


def test_labels_are_checked_in_every_batch():
    source = data.checked(Own(labels=lambda x: np.where(np.arange(len(x)) < TRIED, x, 4)))
    with pytest.raises(jaxgan.UserError, match="labels are from 0 to 4"):
        source.read(np.arange(40))


def test_a_source_may_fill_the_same_arrays_again():
    """As loaders with workers do. On a CPU, JAX shares memory with arrays that begin at a multiple of 64 bytes."""
    memory = np.zeros(40 * 8 * 8 * 3 + 64, np.uint8)
    begin = -memory.ctypes.data % 64
    images, labels = memory[begin : begin + 40 * 8 * 8 * 3].reshape(40, 8, 8, 3), np.zeros(40, np.int32)

    class Reusing(Own):
        def read(self, indices):
            images[: len(indices)], labels[: len(indices)] = IMAGES[indices], LABELS[indices]
            return images[: len(indices)], labels[: len(indices)]

    source = data.checked(Reusing())
    first, second = (source.read(np.arange(start, start + 4)) for start in (0, 20))
    np.testing.assert_array_equal(first[0], IMAGES[:4])
    np.testing.assert_array_equal(first[1], LABELS[:4])
    np.testing.assert_array_equal(second[0], IMAGES[20:24])


def test_an_error_of_read_is_a_sentence_that_keeps_its_cause(tmp_path):
    source, reads = Own(), []

    def read(indices):
        reads.append(indices)
        if len(reads) > 3:
            raise ConnectionError("the disk of\nmine is gone")
        return Own.read(source, indices)

    source.read = read
    config = tiny.get_config()
    config.data.cache = "none"
    said = r"test_validation.Own.read, which source= gave, failed \(ConnectionError: the disk of mine is gone\)"
    with pytest.raises(jaxgan.UserError, match=said) as caught:  # by the thread that reads ahead
        jaxgan.train(config, tmp_path / "run", source=source)
    assert isinstance(caught.value.__cause__, ConnectionError)
    with pytest.raises(jaxgan.UserError, match=said):  # and before anything is written
        jaxgan.train(config, tmp_path / "other", source=source)
    assert not (tmp_path / "other").exists()
