"""IDX files written here by hand, in the names that the known data sets use."""

import gzip
import os
import tracemalloc

import numpy as np
import pytest
from fuzz import FUZZ
from hypothesis import given, strategies as st

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.data import limits
from jaxgan.data.memory import InMemory
from jaxgan.data.sources import idx

IMAGES = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)


def open_idx(path, split):
    """The records as a source of images of their own shape."""
    records = idx.open_idx(path, split)
    labels = records.labels
    known = (None, None) if labels is None else (labels.values, labels.num_classes)
    return InMemory(records.images, *known, records.fingerprint)


def write(file, values, packed=False, magic=None):
    values = np.asarray(values, np.uint8)
    header = bytes(magic or (0, 0, 8, values.ndim)) + np.array(values.shape, ">u4").tobytes()
    content = header + values.tobytes()
    file.write_bytes(gzip.compress(content) if packed else content)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("images", "labels", "split"),
    [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "train"),
        ("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", "test"),
        ("qmnist-test-images-idx3-ubyte", "qmnist-test-labels-idx1-ubyte", "test"),
    ],
)
def test_files_are_found_by_name(tmp_path, images, labels, split, packed):
    ending = ".gz" if packed else ""
    write(tmp_path / (images + ending), IMAGES, packed)
    write(tmp_path / (labels + ending), [0, 1, 2, 1, 0], packed)
    source = open_idx(str(tmp_path), split)
    assert source.info.image_shape == (4, 3, 1)
    assert source.info.num_classes == 3
    pixels, numbers = source.read(np.array([4, 0, 4]))
    np.testing.assert_array_equal(pixels[..., 0], IMAGES[[4, 0, 4]])
    assert numbers.tolist() == [0, 0, 0]
    assert numbers.dtype == np.int32


def test_emnist_is_turned_and_its_labels_start_at_zero(tmp_path):
    write(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz", IMAGES, packed=True)
    write(tmp_path / "emnist-letters-train-labels-idx1-ubyte.gz", [1, 2, 26, 1, 2], packed=True)
    source = open_idx(str(tmp_path), "train")
    pixels, labels = source.read(np.arange(5))
    np.testing.assert_array_equal(pixels[..., 0], IMAGES.transpose(0, 2, 1))
    assert labels.tolist() == [0, 1, 2, 0, 1]
    assert source.info.num_classes == 3


def test_both_splits_number_the_classes_alike(tmp_path):
    for split, labels in (("train", [1, 2, 3, 4, 5]), ("t10k", [5, 5, 1, 1, 5])):
        write(tmp_path / f"{split}-images-idx3-ubyte", IMAGES)
        write(tmp_path / f"{split}-labels-idx1-ubyte", labels)
    source = open_idx(str(tmp_path), "test")
    assert source.read(np.arange(5))[1].tolist() == [4, 4, 0, 0, 4]
    assert source.info.num_classes == 5


def test_without_labels_there_are_no_classes(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    source = open_idx(str(tmp_path), "train")
    assert source.info.num_classes is None
    assert source.read(np.arange(2))[1].tolist() == [0, 0]


def test_a_packed_and_an_unpacked_twin_are_one_file(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write(tmp_path / "train-images-idx3-ubyte.gz", IMAGES, packed=True)
    assert open_idx(str(tmp_path), "train").info.num_images == 5


def test_missing_things_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder"):
        open_idx(str(tmp_path / "nowhere"), "train")
    with pytest.raises(FileNotFoundError, match="no folder"):
        open_idx("", "train")
    with pytest.raises(FileNotFoundError, match="t10k-images-idx3-ubyte"):
        open_idx(str(tmp_path), "test")
    with pytest.raises(ValueError, match=r"data.split"):
        open_idx(str(tmp_path), "val")


def test_two_data_sets_in_one_folder_are_refused(tmp_path):
    for name in ("letters", "digits"):
        write(tmp_path / f"emnist-{name}-train-images-idx3-ubyte", IMAGES)
    with pytest.raises(ValueError, match="give each data set its folder"):
        open_idx(str(tmp_path), "train")


def test_damaged_files_are_refused(tmp_path):
    file = tmp_path / "train-images-idx3-ubyte"
    for damage, message in [
        (lambda c: c[:-1], "59 bytes of values; expected 60"),
        (lambda c: c + b"x", "61 bytes of values"),
        (lambda c: c[:7], "inside its header"),
        (lambda c: b"", "begins with bytes of nothing"),
        (
            lambda c: b"\x00\x00\x0a\x03" + c[4:],
            "begins with bytes 00000a03; expected an IDX file in 3 dimensions",
        ),
        (lambda c: gzip.compress(c)[:-9], "damaged gzip"),
        (lambda c: gzip.compress(c[:-1]), "59 bytes of values; expected 60"),
        (lambda c: gzip.compress(c + b"x"), "more than 60 bytes of values; expected 60"),
        (lambda c: gzip.compress(c)[:-8] + bytes(8), "damaged gzip"),
        (lambda c: gzip.compress(c) + b"junk", "damaged gzip"),
        (lambda c: gzip.compress(c)[:12] + b"junk", "damaged gzip|begins with bytes"),
    ]:
        write(file, IMAGES)
        file.write_bytes(damage(file.read_bytes()))
        with pytest.raises(ValueError, match=message):
            open_idx(str(tmp_path), "train")


def test_one_label_a_image(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write(tmp_path / "train-labels-idx1-ubyte", [0, 1])
    with pytest.raises(ValueError, match=r"2 labels, but .* 5 images"):
        open_idx(str(tmp_path), "train")


def test_files_of_several_gzip_parts_are_read(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    content = (tmp_path / "train-images-idx3-ubyte").read_bytes()
    (tmp_path / "train-images-idx3-ubyte").write_bytes(gzip.compress(content[:30]) + gzip.compress(content[30:]))
    assert open_idx(str(tmp_path), "train").info.num_images == 5


def header(*dims):
    return bytes((0, 0, 8, len(dims))) + np.array(dims, ">u4").tobytes()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header(2**32 - 1, 2**32 - 1, 2**32 - 1), "has 0 bytes of values; expected 792281624"),
        (gzip.compress(header(2**32 - 1, 28, 28)), r"at most \d+ bytes of values; expected 33672"),
        (gzip.compress(header(1, 28, 28) + bytes(2**25)), "at least .* bytes of values; expected 784"),
        (gzip.compress(header(1, 2**13, 2**13 + 1) + bytes(2**26 + 2**13)), "expected at most 67,108,864 pixels"),
    ],
    ids=["plain", "packed", "bomb", "huge"],  # packed bytes hold the time
)
def test_what_a_header_claims_is_bounded_before_it_is_read(tmp_path, content, message):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=message):
        open_idx(str(tmp_path), "train")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


def test_more_than_the_header_claims_is_not_unpacked(tmp_path):
    bomb = gzip.compress(header(2**16, 1, 1) + bytes(2**26), 9)  # 64 MiB behind a header of 64 KiB
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(bomb)
    tracemalloc.start()
    with pytest.raises(ValueError, match="more than 65536 bytes of values; expected 65536"):
        open_idx(str(tmp_path), "train")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


def test_more_than_half_the_memory_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "host_memory", lambda: 100)
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    with pytest.raises(ValueError, match="GiB in all"):
        open_idx(str(tmp_path), "train")


def test_a_fifo_is_no_file_of_images(tmp_path):
    os.mkfifo(tmp_path / "train-images-idx3-ubyte")
    with pytest.raises(FileNotFoundError, match="No images"):
        open_idx(str(tmp_path), "train")
    with pytest.raises(OSError, match="no regular file"):
        idx.load(tmp_path / "train-images-idx3-ubyte", 3)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "train-images-idx3-ubyte"


@pytest.mark.parametrize("dims", [(3_036_988_439, 0, 3_036_988_439), (2**32 - 1, 2**32 - 1, 0)])
def test_images_without_pixels_are_refused_however_many(tmp_path, dims):
    (tmp_path / "x").write_bytes(header(*dims))
    with pytest.raises(UserError, match="GiB of images of"):
        idx.load(tmp_path / "x", 3)


DIMENSION = st.integers(0, 9) | st.integers(0, 2**32 - 1)
HEADER = st.builds(header, DIMENSION, DIMENSION, DIMENSION) | st.builds(header, DIMENSION)


@st.composite
def whole_files(draw):
    """Headers with as many values as they claim, or nearly."""
    dims = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3))
    return header(*dims) + draw(st.binary(min_size=0, max_size=2)) * (int(np.prod(dims)) // 2)


@FUZZ
@given(
    content=st.binary(max_size=20) | st.builds(bytes.__add__, HEADER, st.binary(max_size=300)) | whole_files(),
    packed=st.booleans(),
    damage=st.none() | st.tuples(st.integers(0, 10**4), st.integers(0, 255)),
    num_dims=st.sampled_from([1, 3]),
)
def test_fuzz_any_bytes_are_values_or_a_sentence(file, content, packed, damage, num_dims):
    stored = bytearray(gzip.compress(content) if packed else content)
    if damage and stored:
        stored[damage[0] % len(stored)] = damage[1]
    file.write_bytes(stored)
    values, said = None, ""
    try:
        values = idx.load(file, num_dims)
    except UserError as error:
        said = str(error)
    if values is None:
        assert str(file) in said
    else:
        assert (values.ndim, values.dtype) == (num_dims, np.uint8)
        assert damage or values.tobytes() == content[4 + 4 * num_dims :]


def write_typed(file, values, code):
    kind = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}[code]
    values = np.asarray(values)
    sides = np.array(values.shape, ">u4").tobytes()
    file.write_bytes(bytes((0, 0, code, values.ndim)) + sides + values.astype(kind).tobytes())


@pytest.mark.parametrize("code", [0x08, 0x09, 0x0B, 0x0C])
def test_labels_of_every_whole_type(tmp_path, code):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write_typed(tmp_path / "train-labels-idx1-int", [2, 0, 1, 1, 0], code)
    source = open_idx(str(tmp_path), "train")
    assert source.info.num_classes == 3
    assert source.labels.tolist() == [2, 0, 1, 1, 0]


def test_qmnist_has_its_digits_in_the_first_column(tmp_path):
    write(tmp_path / "qmnist-train-images-idx3-ubyte", IMAGES)
    table = np.array([[7, 0, 1, 2, 3, 4, 5, 6], [5, 9, 9, 9, 9, 9, 9, 9], [7] * 8, [6] * 8, [5] * 8])
    write_typed(tmp_path / "qmnist-train-labels-idx2-int", table, 0x0C)
    assert open_idx(str(tmp_path), "train").labels.tolist() == [2, 0, 2, 1, 0]
    assert idx.open_idx(str(tmp_path), "train").labels.names == ("5", "6", "7")


@pytest.mark.parametrize(("unknown", "code"), [(255, 0x08), (255, 0x0C), (-1, 0x0C)])
def test_images_of_an_unknown_class_are_left_out(tmp_path, unknown, code):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write_typed(tmp_path / "train-labels-idx1-int", [2, unknown, 1, unknown, 0], code)
    said = []
    with terminal.divert(said.append):
        source = open_idx(str(tmp_path), "train")
    assert source.labels.tolist() == [2, 1, 0]
    np.testing.assert_array_equal(source.images[..., 0], IMAGES[[0, 2, 4]])
    assert said == [f"2 images in {tmp_path} have an unknown class and are left out."]
    write_typed(tmp_path / "train-labels-idx1-int", [unknown] * 5, code)
    assert open_idx(str(tmp_path), "train").info.num_classes is None


def test_labels_of_floats_are_refused(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte", IMAGES)
    write_typed(tmp_path / "train-labels-idx1-float", [0, 1, 2, 3, 4], 0x0D)
    with pytest.raises(UserError, match=r"holds float32 \(5,\); expected whole numbers"):
        open_idx(str(tmp_path), "train")
