"""SVHN's .mat files and STL-10's .bin files."""

import io

import numpy as np
import pytest
import scipy.io
from containers import check, damaged, opened, or_sentence
from fuzz import FUZZ
from hypothesis import given

from jaxgan.base.checks import UserError
from jaxgan.data.sources.containers.svhn import open_svhn

DIGITS = np.random.default_rng(1).integers(0, 256, (6, 32, 32, 3), np.uint8)
LABELS = [1, 2, 10, 9, 10, 3]


def svhn(file, images=DIGITS, labels=LABELS, **options):
    scipy.io.savemat(file, {"X": images.transpose(1, 2, 3, 0), "y": np.array(labels, np.uint8)[:, None]}, **options)


@pytest.mark.parametrize("packed", [False, True])
def test_svhn(tmp_path, packed):
    svhn(tmp_path / "train_32x32.mat", do_compression=packed)
    svhn(tmp_path / "test_32x32.mat", DIGITS[:2], [10, 1], do_compression=packed)
    for path in (tmp_path, tmp_path / "train_32x32.mat"):
        source, said = opened(path, image_size=32)
        check(source, DIGITS, [label % 10 for label in LABELS], 10, list("0123456789"))
        assert said == ["SVHN: 6 images 32x32 RGB, 10 classes."]
    check(opened(tmp_path, image_size=32, split="test")[0], DIGITS[:2], [0, 1], 10)


def test_svhn_of_one_image(tmp_path):
    svhn(tmp_path / "train_32x32.mat", DIGITS[:1], [7])
    check(opened(tmp_path, image_size=32)[0], DIGITS[:1], [7], 10)


def test_mat_files_of_something_else(tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"Z": np.zeros(3)})
    with pytest.raises(UserError, match=r"is no file of SVHN .*it holds Z; expected X of uint8"):
        opened(tmp_path / "a.mat")
    svhn(tmp_path / "b.mat")
    (tmp_path / "b.mat").write_bytes((tmp_path / "b.mat").read_bytes()[:1000])
    with pytest.raises(UserError, match="is no file of SVHN"):
        opened(tmp_path / "b.mat")


def mat(packed):
    stream = io.BytesIO()
    svhn(stream, DIGITS[:2, :2, :2], [1, 2], do_compression=packed)
    return stream.getvalue()


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a.mat"


@pytest.mark.long
@FUZZ
@given(content=damaged([mat(True), mat(False)], 200))
@pytest.mark.filterwarnings("ignore")  # of scipy, about what is damaged
def test_fuzz_damaged_mat_files_are_images_or_a_sentence(file, content):
    file.write_bytes(content)
    source = type("C", (), {"path": str(file), "split": "train", "labels": ""})
    found = or_sentence(lambda: open_svhn(source), "a.mat")
    assert found is None or len(found) > 0


def stl10(folder, split, images, labels=None):
    """Bytes by channel, column and row."""
    (folder / f"{split}_X.bin").write_bytes(np.ascontiguousarray(images.transpose(0, 3, 2, 1)).tobytes())
    if labels is not None:
        (folder / f"{split}_y.bin").write_bytes(np.array(labels, np.uint8).tobytes())


def test_stl10(tmp_path):
    images = np.random.default_rng(2).integers(0, 256, (3, 96, 96, 3), np.uint8)
    stl10(tmp_path, "train", images, [1, 10, 3])
    stl10(tmp_path, "unlabeled", images[:2])
    names = ["airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"]
    (tmp_path / "class_names.txt").write_text("\n".join(names) + "\n")
    source, said = opened(tmp_path, image_size=96)
    check(source, images, [0, 9, 2], 10, names)
    assert said == ["STL-10: 3 images 96x96 RGB, 10 classes."]
    # The byte at channel 0, column 5, row 9 is red of row 9 and column 5.
    content = np.frombuffer((tmp_path / "train_X.bin").read_bytes(), np.uint8)
    assert content[5 * 96 + 9] == source.read(np.array([0]))[0][0, 9, 5, 0]
    check(opened(tmp_path, image_size=96, split="unlabeled")[0], images[:2])


def test_damaged_stl10(tmp_path):
    images = np.zeros((2, 96, 96, 3), np.uint8)
    stl10(tmp_path, "train", images, [1])
    with pytest.raises(UserError, match="1 labels for 2 images"):
        opened(tmp_path, image_size=96)
    stl10(tmp_path, "train", images, [1, 11])
    with pytest.raises(UserError, match=r"labels of .* run to 10; expected classes from 0 to 9"):
        opened(tmp_path, image_size=96)
    (tmp_path / "train_X.bin").write_bytes(bytes(100))
    with pytest.raises(UserError, match="has 100 bytes, no whole number of images"):
        opened(tmp_path, image_size=96)
