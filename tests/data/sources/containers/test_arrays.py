"""Arrays as NumPy and the known data sets write them."""

import io
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest
from containers import PIXELS, check, damaged, opened, or_sentence
from fuzz import FUZZ
from hypothesis import given

from jaxgan.base.checks import UserError
from jaxgan.data.sources.containers.npy import Members

LABELS = np.array([2, 0, 1, 1, 0, 2])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("train_images", "train_labels"), "train"),
        (("val_images", "val_labels"), "validation"),
        (("test_images", "test_labels"), "test"),
        (("x_train", "y_train"), "train"),
        (("images", "labels"), "train"),
        (("arr_0", "arr_1"), "train"),
    ],
)
def test_images_and_labels_by_their_names(tmp_path, save, names, split):
    others = {"val_images": PIXELS[:1], "x_test": PIXELS[:2], "extra": np.arange(3)}
    save(tmp_path / "a.npz", **others | {names[0]: PIXELS, names[1]: LABELS[:, None]})
    source, said = opened(tmp_path / "a.npz", split=split)
    check(source, labels=LABELS.tolist(), classes=3)
    assert said == ["npz file: 6 images 8x8 RGB, 3 classes."]


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_npy_file(tmp_path, order):
    np.save(tmp_path / "a.npy", np.asarray(PIXELS, order=order))
    check(opened(tmp_path / "a.npy")[0])


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint32", "int16", ">u2", "int8"])
def test_bytes_in_wide_numbers_are_dark_and_said_to_be(tmp_path, dtype):
    np.save(tmp_path / "a.npy", (PIXELS // 2).astype(dtype))
    said = opened(tmp_path / "a.npy")[1]
    assert f"have values up to {PIXELS.max() // 2}, and 0 to 65535 is black to white" in said[-1]


def test_the_order_of_axes(tmp_path):
    grey = PIXELS[..., :1]
    for name, array in (
        ("nhw", grey[..., 0]),
        ("flat", grey.reshape(6, 64)),
        ("nchw", np.ascontiguousarray(grey.transpose(0, 3, 1, 2))),
    ):
        np.save(tmp_path / f"{name}.npy", array)
        check(opened(tmp_path / f"{name}.npy", channels=1)[0], grey)
    np.save(tmp_path / "colour.npy", PIXELS.transpose(0, 3, 1, 2))
    check(opened(tmp_path / "colour.npy")[0])


def test_labels_in_a_file_beside(tmp_path):
    """Kuzushiji-49: k49-train-imgs.npz and k49-train-labels.npz, arr_0 each."""
    np.savez_compressed(tmp_path / "k49-train-imgs.npz", PIXELS)
    np.savez_compressed(tmp_path / "k49-train-labels.npz", LABELS)
    check(opened(tmp_path / "k49-train-imgs.npz")[0], labels=LABELS.tolist(), classes=3)
    check(opened(tmp_path)[0], labels=LABELS.tolist(), classes=3)  # the folder


def test_arrays_are_mapped_not_read(tmp_path):
    big = np.zeros((2000, 64, 64, 3), np.uint8)
    big[1999] = 7
    np.savez(tmp_path / "a.npz", images=big, labels=np.arange(2000) % 3)
    del big
    tracemalloc.start()
    source, _ = opened(tmp_path / "a.npz", image_size=64)
    assert source.read(np.array([1999]))[0].min() == 7
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**22


def test_columns_by_name(tmp_path):
    np.savez(tmp_path / "a.npz", images=PIXELS, kind=np.array(["b", "a"] * 3), angle=np.linspace(0, 1, 6))
    source, _ = opened(tmp_path / "a.npz", labels="kind")
    check(source, labels=[1, 0, 1, 0, 1, 0], classes=2, names=["a", "b"])
    source, _ = opened(tmp_path / "a.npz", labels="kind,angle")
    assert source.records.labels.names == ("kind=a", "kind=b", "angle")
    np.testing.assert_allclose(source.labels[:2], [[0, 1, 0], [1, 0, 0.2]], rtol=1e-6)
    with pytest.raises(UserError, match=r"expected one of .*angle"):
        opened(tmp_path / "a.npz", labels="angel")


def test_python_objects_are_not_executed(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    np.savez(tmp_path / "a.npz", images=np.array([Harm()], object))
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Harm()))
    for name, message in (("a.npz", "Python objects, which are not read"), ("b.npy", "no data set of a known kind")):
        with pytest.raises(UserError, match=message):
            opened(tmp_path / name)
    assert not (tmp_path / "harm").exists()


def header(shape, dtype="|u1"):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (header((10**9, 64, 64, 3)), "ends before its 12,288,000,000,000 bytes"),
        (header((2**62, 2**62)), "claims the shape"),
        (header((-1, 3)), "claims the shape|damaged"),
        (header((4, 8, 8, 3), "|S1") + bytes(768), r"holds \|S1; expected numbers"),
        (header((0, 8, 8, 3)), "has the shape"),
        (header((4, 8)) + bytes(32), "has the shape"),
        (header((4, 8, 8, 3, 1)) + bytes(768), "has the shape"),
        (header((4, 70_000, 1)) + bytes(280_000), "at most 67,108,864 pixels"),
        (b"\x93NUMPY\x01\x00\xff\xff", "damaged"),
    ],
)
def test_what_a_header_claims_is_bounded(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(UserError, match=message):
        opened(tmp_path / "a.npy")
    for packing in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with zipfile.ZipFile(tmp_path / "a.npz", "w", packing) as archive:
            archive.writestr("images.npy", content)
        with pytest.raises(UserError, match=message):
            opened(tmp_path / "a.npz")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_list_of_arrays_that_lie_before_the_file_is_damage(tmp_path, save):
    """Seeking there is an error of the system, but none of the disk."""
    save(tmp_path / "a.npz", PIXELS)
    content = (tmp_path / "a.npz").read_bytes()
    at = content.rindex(b"PK\5\6") + 16  # where the list of contents says that it begins
    (tmp_path / "a.npz").write_bytes(content[:at] + (len(content)).to_bytes(4, "little") + content[at + 4 :])
    with pytest.raises(UserError, match=r"is damaged|claims an image of"):
        opened(tmp_path / "a.npz")


def test_arrays_without_images_are_named(tmp_path):
    np.savez(tmp_path / "a.npz", weights=np.zeros(3), bias=np.zeros(3))
    with pytest.raises(UserError, match="holds weights, bias; expected images as train_images"):
        opened(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=PIXELS, labels=LABELS[:3])
    with pytest.raises(UserError, match="3 labels for 6 images"):
        opened(tmp_path / "b.npz")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a.npz"


def saved(save):
    stream = io.BytesIO()
    save(stream, images=PIXELS[:2, :2, :2])
    return stream.getvalue()


SMALL = [saved(np.savez), saved(np.savez_compressed), header((2, 4, 4)) + bytes(32)]


@FUZZ
@given(content=damaged(SMALL, 200))
def test_fuzz_damaged_arrays_are_arrays_or_a_sentence(file, content):
    file.write_bytes(content)
    if found := or_sentence(lambda: Members(file), "a.npz"):
        for name in found.members:
            read = or_sentence(lambda name=name: found.read(name), "a.npz")
            assert read is None or isinstance(read, np.ndarray)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_bands_and_levels_of_arrays(tmp_path, kind, channels):
    """One scale for the whole set, whatever a single image holds."""
    images = np.random.default_rng(3).integers(0, 200, (6, 8, 8, channels)).astype(kind)
    images[0] = 0
    images[5, 0, 0, 0] = 200
    np.savez(tmp_path / "a.npz", images=images)
    source, _ = opened(tmp_path / "a.npz", channels=channels, levels=(0.0, 200.0))
    found, _ = source.read(np.arange(6))
    np.testing.assert_allclose(found, images.astype(float) / 200 * 65535, atol=1)
    if kind == "uint8":
        check(opened(tmp_path / "a.npz", channels=channels)[0], images)
    measured, _ = opened(tmp_path / "a.npz", channels=channels, levels="auto")
    assert measured.info.levels == (0.0, 200.0)
    np.testing.assert_array_equal(measured.read(np.arange(6))[0], found)


def save(folder, arrays):
    for name, array in arrays.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, array)


@pytest.mark.parametrize(
    ("names", "split"),
    [
        (("x_train", "y_train"), "train"),
        (("images", "labels"), "train"),
        (("X_test", "Y_test"), "test"),
        (("faces", "labels"), "train"),
        (("faces", "face_targets"), "train"),
    ],
)
def test_a_folder_of_npy_files_that_are_named_like_arrays(tmp_path, names, split):
    others = {} if "faces" in names else {"features.npy": np.zeros((6, 3)), "x_valid.npy": PIXELS[:2]}
    save(tmp_path, others | {f"{names[0]}.npy": PIXELS, f"{names[1]}.npy": LABELS})
    source, said = opened(tmp_path, split=split)
    check(source, labels=LABELS.tolist(), classes=3)
    assert said[-1].endswith(": 6 images 8x8 RGB, 3 classes.")


@pytest.mark.parametrize(
    ("turn", "channels"),
    [
        (lambda image: image, 3),
        (lambda image: image.transpose(2, 0, 1), 3),
        (lambda image: image[..., 0], 1),
        (lambda image: image[None, ..., 0], 1),
        (lambda image: image[..., :1], 1),
        (lambda image: np.concatenate([image, image[..., :2]], 2), 5),
        (lambda image: np.concatenate([image, image[..., :2]], 2).transpose(2, 0, 1), 5),
    ],
)
def test_npy_files_of_one_image_each(tmp_path, turn, channels):
    save(tmp_path, {f"{'ab'[i % 2]}/{i}.npy": turn(image) for i, image in enumerate(PIXELS)})
    wanted = np.concatenate([PIXELS, PIXELS[..., :2]], 3)[[0, 2, 4, 1, 3, 5], ..., :channels]
    source, said = opened(tmp_path, channels=channels)
    check(source, wanted, [0, 0, 0, 1, 1, 1], 2, ["a", "b"])
    assert said[0].startswith("npy files: 6 images 8x8")


def test_npy_files_with_a_table(tmp_path):
    save(tmp_path, {f"{i}.npy": image for i, image in enumerate(PIXELS)} | {"labels.npy": LABELS})
    (tmp_path / "metadata.csv").write_text("file_name,label\n5.npy,b\n0.npy,a\n")
    source, said = opened(tmp_path)
    check(source, PIXELS[[5, 0]], [1, 0], 2, ["a", "b"])
    assert "labels.npy in" in said[0]
    assert "is not read: of several files a metadata.csv" in said[0]


@pytest.mark.parametrize("flat", [False, True])
def test_npy_files_of_a_batch_each(tmp_path, flat):
    grey = np.random.default_rng(0).integers(0, 256, (150, 28, 28, 1), np.uint8)
    array = grey.reshape(150, 784) if flat else grey[..., 0]
    save(tmp_path, {"cat.npy": array[:70], "ant.npy": array[70:]})
    order = [*range(70, 150), *range(70)]
    source, said = opened(tmp_path, channels=1, fit="as_is")
    check(source, grey[order])
    assert said[0].endswith("get no labels; --config.data.labels=file takes their files' names.")
    source, _ = opened(tmp_path, channels=1, fit="as_is", labels="file")
    check(source, grey[order], [0] * 80 + [1] * 70, 2, ["ant", "cat"])
    save(tmp_path, {"cat.npy": PIXELS[:4], "ant.npy": PIXELS[4:]})
    check(opened(tmp_path)[0], PIXELS[[4, 5, 0, 1, 2, 3]])


@pytest.mark.parametrize(
    ("shapes", "channels"),
    [
        ([(3, 64, 64)] * 2, 1),  # three grey images, or one in colour
        ([(3, 64, 3)] * 2, 3),
        ([(64, 64, 13)] * 2, 3),  # bands that nobody asks for
        ([(640, 480, 13)] * 2, 3),
        ([(100, 784)] * 2, 1),  # images, or rows of images
        ([(8, 8, 3), (4, 8, 8, 3)], 3),
        ([(8, 8), (8, 8, 3)], 3),
        ([(10,), (10,)], 1),
    ],
)
def test_npy_files_whose_shapes_leave_a_doubt_are_refused(tmp_path, shapes, channels):
    save(tmp_path, {f"{i}.npy": np.zeros(shape, np.uint8) for i, shape in enumerate(shapes)})
    with pytest.raises(
        UserError, match=r"may be one image each or batches.*make one array of the images.*numpy\.stack"
    ):
        opened(tmp_path, channels=channels)


def test_several_npz_files_are_refused(tmp_path):
    for name in "ab":
        np.savez(tmp_path / f"{name}.npz", images=PIXELS)
    with pytest.raises(UserError, match=r"holds 2 files of arrays, such as a\.npz; set data\.path to the one"):
        opened(tmp_path)


def test_npy_files_and_their_shapes_tell_sets_apart(tmp_path):
    found = set()
    for name, array in (("a", PIXELS), ("b", PIXELS), ("b", PIXELS[:5])):
        save(tmp_path / name, {f"{i}.npy": image for i, image in enumerate(array)})
        if len(array) == 5:
            (tmp_path / name / "5.npy").unlink()
        found.add(opened(tmp_path / name)[0].fingerprint)
    assert len(found) == 2
