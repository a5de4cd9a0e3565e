"""CIFAR's archives, written as their authors did."""

import os
import pickle
import tarfile
import tracemalloc

import numpy as np
import pytest
from containers import check, damaged, opened, or_sentence
from fuzz import FUZZ
from hypothesis import given

from jaxgan.base.checks import UserError
from jaxgan.data.sources.containers.cifar import unpickle

IMAGES = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), np.uint8)
ROWS = IMAGES.transpose(0, 3, 1, 2).reshape(6, 3072)
LABELS = [0, 1, 2, 0, 1, 2]
NAMES = ["cat", "dog", "frog"]


def pickled(values, protocol=2):
    return pickle.dumps({key.encode(): value for key, value in values.items()}, protocol)


def python10(folder):
    folder.mkdir()
    for part in range(3):
        rows = slice(2 * part, 2 * part + 2)
        batch = {
            "batch_label": b"training",
            "labels": LABELS[rows],
            "data": ROWS[rows],
            "filenames": [b"a.png", b"b.png"],
        }
        (folder / f"data_batch_{part + 1}").write_bytes(pickled(batch))
    (folder / "test_batch").write_bytes(pickled({"labels": [1], "data": ROWS[:1]}))
    (folder / "batches.meta").write_bytes(pickled({"label_names": [name.encode() for name in NAMES]}))


def python100(folder):
    folder.mkdir()
    coarse = [label // 2 for label in LABELS]
    (folder / "train").write_bytes(pickled({"fine_labels": LABELS, "coarse_labels": coarse, "data": ROWS}))
    names = {"fine_label_names": [b"cat", b"dog", b"frog"], "coarse_label_names": [b"pet", b"wild"]}
    (folder / "meta").write_bytes(pickled(names))


def binary10(folder):
    folder.mkdir()
    rows = np.concatenate([np.array(LABELS, np.uint8)[:, None], ROWS], axis=1)
    (folder / "data_batch_1.bin").write_bytes(rows[:4].tobytes())
    (folder / "data_batch_2.bin").write_bytes(rows[4:].tobytes())
    (folder / "batches.meta.txt").write_text("cat\ndog\nfrog\n\n")


def binary100(folder):
    folder.mkdir()
    labels = np.array([[label // 2, label] for label in LABELS], np.uint8)
    (folder / "train.bin").write_bytes(np.concatenate([labels, ROWS], axis=1).tobytes())
    (folder / "fine_label_names.txt").write_text("cat\ndog\nfrog\n")
    (folder / "coarse_label_names.txt").write_text("pet\nwild\n")


WRITERS = [python10, python100, binary10, binary100]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("packing", [None, "w", "w:gz"])
def test_every_form(tmp_path, write, packing):
    write(tmp_path / "cifar")
    path = tmp_path / "cifar"
    if packing:
        path = tmp_path / "cifar-python.tar.gz"
        with tarfile.open(path, packing) as archive:
            archive.add(tmp_path / "cifar", "cifar")
    source, said = opened(path, image_size=32)
    check(source, IMAGES, LABELS, 3, NAMES)
    assert said == ["CIFAR: 6 images 32x32 RGB, 3 classes."]


@pytest.mark.parametrize("write", [python100, binary100])
def test_coarse_labels(tmp_path, write):
    write(tmp_path / "cifar")
    source, _ = opened(tmp_path / "cifar", image_size=32, labels="coarse")
    check(source, IMAGES, [label // 2 for label in LABELS], 2, ["pet", "wild"])


def test_splits(tmp_path):
    python10(tmp_path / "cifar")
    check(opened(tmp_path / "cifar", image_size=32, split="test")[0], IMAGES[:1], [1], 3)
    with pytest.raises(UserError, match=r"data\.split is 'val'; expected one of train, test"):
        opened(tmp_path / "cifar", image_size=32, split="val")


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_what_python_3_pickles_is_read_too(protocol):
    found = unpickle(pickled({"data": ROWS, "labels": LABELS}, protocol), "a batch")
    np.testing.assert_array_equal(found["data"].array(), ROWS)
    assert found["labels"] == LABELS


class Harm:
    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    "call", [(os.system, ("touch harm",)), (eval, ("1",)), (np.fromfile, ("harm",)), (np.empty, (9,))]
)
def test_nothing_is_executed(tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(pickled({"data": Harm(*call), "labels": [0]}))
    (tmp_path / "batches.meta").write_bytes(pickled({"label_names": [b"cat"]}))
    with pytest.raises(UserError, match=r"is no pickled dictionary of CIFAR .*which is not executed"):
        opened(tmp_path, image_size=32)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    "batch",
    [
        {"labels": [0]},
        {"data": ROWS},
        {"data": ROWS, "labels": [0]},
        {"data": ROWS[:, :9], "labels": LABELS},
        {"data": ROWS.astype(np.int64), "labels": LABELS},
        {"data": ROWS, "labels": ["a"] * 6},
        {"data": 3, "labels": LABELS},
    ],
)
def test_batches_of_something_else(tmp_path, batch):
    (tmp_path / "data_batch_1").write_bytes(pickled(batch))
    with pytest.raises(UserError, match=r"data_batch_1 of .* is no batch of CIFAR"):
        opened(tmp_path, image_size=32)


def test_half_a_binary_batch(tmp_path):
    binary10(tmp_path / "cifar")
    (tmp_path / "cifar" / "data_batch_2.bin").write_bytes(bytes(100))
    with pytest.raises(UserError, match=r"data_batch_2\.bin of .* has 100 bytes, no whole number of images"):
        opened(tmp_path / "cifar", image_size=32)


SMALL = [pickled({"labels": [0, 1], "data": ROWS[:2, :64], "names": ["a"]}, protocol) for protocol in (0, 2, 4)]


@FUZZ
@given(content=damaged(SMALL, 200))
def test_fuzz_any_pickle_is_a_dictionary_or_a_sentence(content):
    found = or_sentence(lambda: unpickle(content, "a batch"), "a batch")
    assert found is None or isinstance(found, dict)


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x02}r\xff\xff\xff\x7f.",
        b"\x80\x04\x8e" + b"\xff" * 6 + b"\x00\x00.",
        b"\x80\x05\x96" + (2**24).to_bytes(8, "little"),
    ],
)
def test_numbers_in_a_pickle_do_not_ask_for_memory(content):
    """C's unpickler makes a table as long as the largest index, and both make room for bytearrays in advance."""
    tracemalloc.start()
    or_sentence(lambda: unpickle(content, "a batch"), "a batch")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
