"""Zip archives, as StyleGAN's dataset_tool writes them, and folders that were packed."""

import io
import json
import shutil
import struct
import zipfile

import numpy as np
import pytest
from containers import PIXELS, PNGS, check, config, damaged, opened, or_sentence
from fuzz import FUZZ
from hypothesis import given

from jaxgan import data
from jaxgan.base.checks import UserError
from jaxgan.data.images.memory_budget import MAX_BYTES
from jaxgan.data.sources.containers.zipped import Zip

NAMES = [f"00000/img{i:08d}.png" for i in range(6)]


def pack(file, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def stylegan(file, labels, compression=zipfile.ZIP_STORED):
    """As dataset_tool.py of stylegan3 writes it: images stored, dataset.json last."""
    table = {"labels": labels and [[name, label] for name, label in zip(NAMES, labels, strict=True)]}
    pack(file, dict(zip(NAMES, PNGS, strict=True)) | {"dataset.json": json.dumps(table)}, compression)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_stylegan(tmp_path, compression):
    stylegan(tmp_path / "a.zip", [5, 4, 3, 2, 0, 0], compression)
    source, said = opened(tmp_path / "a.zip")
    check(source, labels=[5, 4, 3, 2, 0, 0], classes=6)
    assert said == ["StyleGAN zip: 6 images 8x8 RGB, 6 classes."]


def test_labels_that_are_null_mean_none_and_shards_are_no_classes(tmp_path):
    stylegan(tmp_path / "a.zip", None)
    check(opened(tmp_path / "a.zip")[0])


def test_labels_that_are_vectors_stay_readable(tmp_path):
    vectors = [[i / 2, -i] for i in range(6)]
    stylegan(tmp_path / "a.zip", vectors)
    source, said = opened(tmp_path / "a.zip")
    assert (source.info.num_classes, source.info.label_size) == (None, 2)
    for held in (source, data.in_memory(source)):
        images, labels = held.read(np.array([5, 0]))
        np.testing.assert_array_equal(images, PIXELS[[5, 0]])
        assert (labels.dtype, labels.tolist()) == (np.float32, [vectors[5], vectors[0]])
    assert said == ["StyleGAN zip: 6 images 8x8 RGB, vectors of 2 numbers as labels."]


@pytest.mark.parametrize("labels", [[7, 6, 5, 4, 3, 3], None])
def test_the_same_as_a_folder(tmp_path, labels):
    """Shards became classes: labels 7, 6, 5, 4 came out 0, 0, 1, 1."""
    stylegan(tmp_path / "a.zip", labels)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "folder")
    source, said = opened(tmp_path / "folder")
    check(source, labels=labels, classes=labels and 8)
    assert said[0].startswith("StyleGAN folder: 6 images 8x8 RGB, ")


def test_a_packed_folder_has_classes_by_its_subfolders(tmp_path):
    folder = tmp_path / "folder"
    for i in range(6):
        (folder / "ba"[i % 2]).mkdir(parents=True, exist_ok=True)
        (folder / "ba"[i % 2] / f"{i}.png").write_bytes(PNGS[i])
    (folder / "b" / "c.heic").write_bytes(b"")
    shutil.make_archive(str(tmp_path / "packed"), "zip", folder)
    source, said = opened(tmp_path / "packed.zip")
    check(source, PIXELS[[1, 3, 5, 0, 2, 4]], [0, 0, 0, 1, 1, 1], 2, ["a", "b"])
    assert "1 of other kinds (1 .heic)" in said[1]


def test_a_table_in_the_archive(tmp_path):
    pack(
        tmp_path / "a.zip",
        {
            "x.png": PNGS[0],
            "y.png": PNGS[1],
            "z.png": PNGS[2],
            "metadata.csv": "file_name,kind\ny.png,cat\nx.png,ant\n",
        },
    )
    source, said = opened(tmp_path / "a.zip")
    check(source, PIXELS[[1, 0]], [1, 0], 2, ["ant", "cat"])
    assert any("1 images of" in line and "left out" in line for line in said)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2, 3, 4, None], "1 of 6 labels of dataset.json in .* are missing"),
        ([0, 1, 2, 3, 4, [1]], "several shapes"),
        ([0, 1, 2, 3, 4, 10**9], "run to 1000000000; expected classes from 0 to 9999"),
        ([0, 1, 2, 3, 4, "cat"], "no table of labels|expected whole numbers or vectors|<U"),
        ([[0.0], [1.0], [2.0], [3.0], [4.0], [float("nan")]], "NaN"),
    ],
)
def test_labels_that_cannot_be_meant(tmp_path, labels, message):
    stylegan(tmp_path / "a.zip", labels)
    with pytest.raises(UserError, match=message):
        opened(tmp_path / "a.zip")


def test_names_that_lead_out_of_the_archive_do_no_harm(tmp_path):
    pack(tmp_path / "a.zip", {"../../a.png": PNGS[0], "/b.png": PNGS[1], "c.png": PNGS[2]})
    check(opened(tmp_path / "a.zip")[0], PIXELS[[2]])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zip"]


def test_a_bomb_is_damaged_not_unpacked(tmp_path):
    pack(tmp_path / "a.zip", {"a.png": bytes(10**6), "b.png": PNGS[1]}, zipfile.ZIP_DEFLATED)
    content = (tmp_path / "a.zip").read_bytes()
    # The list claims less than the packed bytes give.
    content = content.replace(struct.pack("<I", 10**6), struct.pack("<I", 100))
    (tmp_path / "a.zip").write_bytes(content)
    assert Zip(str(tmp_path / "a.zip")).raw(0) == b""
    source, _ = opened(tmp_path / "a.zip")
    np.testing.assert_array_equal(source.read(np.array([0]))[0], PIXELS[[1]])


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_packers_are_named(tmp_path, compression):
    stylegan(tmp_path / "a.zip", None, compression)
    with pytest.raises(UserError, match=r"is packed by (bzip2|lzma); expected stored or deflated"):
        opened(tmp_path / "a.zip")


def test_no_images_and_no_archive(tmp_path):
    pack(tmp_path / "a.zip", {"a.txt": b"", "b.heic": b""})
    with pytest.raises(UserError, match="holds no images but what is left out"):
        opened(tmp_path / "a.zip")
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(UserError, match=r"b\.zip is a damaged zip archive"):
        opened(tmp_path / "b.zip")
    with pytest.raises(FileNotFoundError, match="where nothing is"):
        data.open_source(config(tmp_path / "c.zip", source="zipped"))


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "a.zip"


def small(compression):
    stream = io.BytesIO()
    pack(stream, {"a/1.png": PNGS[0], "b/2.png": PNGS[1], "dataset.json": '{"labels": null}'}, compression)
    return stream.getvalue()


SMALL = [small(zipfile.ZIP_STORED), small(zipfile.ZIP_DEFLATED)]


@FUZZ
@given(content=damaged(SMALL, 300))
def test_fuzz_damaged_archives_are_images_or_a_sentence(file, content):
    file.write_bytes(content)
    if found := or_sentence(lambda: Zip(str(file)), "a.zip"):
        for row in range(len(found)):
            assert len(found.raw(row)) <= MAX_BYTES
