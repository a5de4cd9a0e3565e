"""Tables beside a folder of images, compared with what imagefolder of Hugging Face's datasets reads."""

import csv
import json
import re
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from containers import PIXELS, PNGS, check, opened
from fuzz import FUZZ
from hypothesis import given, strategies as st

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.data.images.tables import MAX_BYTES, NAMES, labelled

KINDS = ["dog", "cat", "dog", "ant", "cat", "dog"]
LABELS = [2, 1, 2, 0, 1, 2]


@pytest.fixture
def images(tmp_path):
    for i, png in enumerate(PNGS):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        (tmp_path / "ab"[i % 2] / f"{i}.png").write_bytes(png)
    return [f"{'ab'[i % 2]}/{i}.png" for i in range(6)]


def write(file, rows, delimiter=","):
    with open(file, "w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def rows_of(images, **columns):
    columns = {"file_name": images} | columns
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["metadata.csv", "labels.csv"])
def test_a_csv_gives_labels_and_order(tmp_path, images, name, delimiter):
    write(tmp_path / name, rows_of(images, label=KINDS)[::-1], delimiter)
    source, said = opened(tmp_path)
    check(source, PIXELS[::-1], LABELS[::-1], 3, ["ant", "cat", "dog"])
    assert said[0] == f"Labels are the 'label' of {name} in {tmp_path}."
    assert said[1] == f"folder with {name}: 6 images 8x8 RGB, 3 classes."
    assert len(said) == 2


def test_a_jsonl(tmp_path, images):
    lines = [json.dumps(row) for row in rows_of(images, label=KINDS)]
    (tmp_path / "metadata.jsonl").write_text("\n".join(lines))
    check(opened(tmp_path)[0], labels=LABELS, classes=3)


def test_the_same_images_as_imagefolder(tmp_path, images):
    pytest.importorskip("datasets")
    order = [3, 1, 4, 0]
    write(tmp_path / "metadata.csv", rows_of([images[i] for i in order], label=[KINDS[i] for i in order]))
    code = """
import sys, datasets, numpy
read = datasets.load_dataset("imagefolder", data_dir=sys.argv[1], split="train", cache_dir=sys.argv[2])
numpy.savez(sys.argv[3], images=numpy.stack([numpy.asarray(image) for image in read["image"]]), labels=read["label"])
"""
    paths = [str(tmp_path), str(tmp_path / ".cache"), str(tmp_path / ".read.npz")]
    subprocess.run([sys.executable, "-c", code, *paths], check=True, capture_output=True)  # it leaves files open
    read = np.load(paths[2])
    source, said = opened(tmp_path)
    images, labels = source.read(np.arange(4))
    np.testing.assert_array_equal(images, read["images"])
    assert [source.records.labels.names[label] for label in labels] == read["labels"].tolist()
    assert "2 images of" in said[1]
    assert "are left out" in said[1]


@pytest.mark.parametrize("key", ["id", "image", "path", "picture"])
def test_images_named_without_folder_or_ending(tmp_path, images, key):
    names = [image.split("/")[1].removesuffix(".png" if key == "id" else "") for image in images]
    write(tmp_path / "labels.csv", [{key: n, "breed": kind} for n, kind in zip(names, KINDS, strict=True)])
    check(opened(tmp_path)[0], labels=LABELS, classes=3)


def test_a_csv_without_a_head(tmp_path, images):
    lines = [f"{image},{kind}" for image, kind in zip(images, KINDS, strict=True)]
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    check(opened(tmp_path)[0], labels=LABELS, classes=3)


def test_several_columns_need_a_choice_and_change_nothing_without(tmp_path, images):
    plain, _ = opened(tmp_path)
    write(tmp_path / "metadata.csv", rows_of(images, kind=KINDS, angle=[0, 0.5, 1, 1.5, 2, 2.5])[::-1])
    source, said = opened(tmp_path)
    assert (source.fingerprint, source.info) == (plain.fingerprint, plain.info)
    assert "metadata.csv in " in said[0]
    assert "has the columns kind (3 values), angle (6 values); --config.data.labels takes" in said[0]
    check(opened(tmp_path, labels="kind")[0], PIXELS[::-1], LABELS[::-1], 3)
    source, _ = opened(tmp_path, labels="angle,kind")
    assert source.labels.shape == (6, 4)
    assert source.records.labels.names == ("angle", "kind=ant", "kind=cat", "kind=dog")


def test_labels_are_a_part_of_the_fingerprint(tmp_path, images):
    seen = {opened(tmp_path)[0].fingerprint}
    for kinds in (KINDS, KINDS[::-1]):
        write(tmp_path / "metadata.csv", rows_of(images, kind=kinds))
        seen.add(opened(tmp_path)[0].fingerprint)
    assert len(seen) == 3


def test_rows_of_images_that_are_not_there(tmp_path, images):
    write(tmp_path / "metadata.csv", rows_of([*images, "c/7.png", "../../x.png"], kind=[*KINDS, "owl", "owl"]))
    source, said = opened(tmp_path)
    check(source, labels=LABELS, classes=3)
    assert said[1] == f"2 rows of metadata.csv in {tmp_path} name no image that can be read."


@pytest.mark.parametrize(
    ("files", "labels", "message"),
    [
        ({"metadata.csv": "file_name,a\na/0.png,x\na/0.png,y\n"}, "", "lists an image twice"),
        ({"metadata.csv": "file_name,a\na/0.png,x,y\n"}, "", "no table of labels .*several lengths"),
        ({"metadata.csv": 'file_name,a\na/0.png,"x\n'}, "", "no table of labels"),
        ({"metadata.csv": b"\xff\xfe\x00"}, "", "no table of labels"),
        ({"metadata.jsonl": "{"}, "", "no table of labels"),
        ({"metadata.jsonl": "[1]\n[2]"}, "", "no table of labels"),
        ({"metadata.csv": "", "metadata.jsonl": ""}, "", r"holds metadata\.csv and metadata\.jsonl; expected one"),
        ({"dataset.json": '{"labels": [["a/0.png"]]}'}, "", "no table of labels"),
        ({"dataset.json": '{"labels": null, "clip": []}'}, "clap", 'Did you mean "clip"'),
        ({"metadata.csv": "file_name,a\na/0.png,x\n"}, "b", "expected one of a"),
        ({}, "a", "has no table of labels; expected dataset.json, metadata.csv"),
    ],
)
def test_tables_that_cannot_be_meant(tmp_path, images, files, labels, message):
    for name, content in files.items():
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError, match=message):
        opened(tmp_path, labels=labels)


def test_other_files_of_those_names_change_nothing(tmp_path, images):
    plain, _ = opened(tmp_path)
    (tmp_path / "dataset.json").write_text('{"images": [], "annotations": []}')
    assert opened(tmp_path)[0].fingerprint == plain.fingerprint
    (tmp_path / "dataset.json").unlink()
    (tmp_path / "labels.csv").write_text("number,name\n0,cat\n1,dog\n")
    source, said = opened(tmp_path)
    assert source.fingerprint == plain.fingerprint
    assert "names none of the images" in said[0]


def test_a_table_of_gigabytes_is_not_read(tmp_path, images):
    with open(tmp_path / "metadata.csv", "wb") as stream:
        stream.truncate(2**33)
    with pytest.raises(UserError, match=f"more than {MAX_BYTES:,} bytes"):
        opened(tmp_path)


CELL = st.sampled_from(["a/0.png", "1", "0", "", "x", '"', ",", "\n", "[1]", "null", "NaN", "file_name", "{", "}", ":"])


@FUZZ
@given(
    name=st.sampled_from(NAMES),
    content=st.binary(max_size=60) | st.lists(CELL, max_size=30).map(lambda cells: ",".join(cells).encode()),
    wanted=st.sampled_from(["", "1", "labels"]),
)
def test_fuzz_any_table_gives_labels_or_a_sentence(name, content, wanted):
    files = ["a/0.png", "a/1.png"]
    with terminal.divert(lambda line: None):
        try:
            found = labelled(files, {name: lambda: content}, wanted, "here")
        except UserError:
            return
    if found is not None:
        assert set(found.rows.tolist()) <= {0, 1}
        assert found.labels is None or len(found.labels.values) == len(found.rows)


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("metadata.csv", "file_name,label\n0.png,1\n1.png,0\n", "Labels are the 'label' of metadata.csv in"),
        ("metadata.csv", "file_name,a,b\n0.png,1,2\n1.png,0,3\n", "--config.data.labels takes one or several"),
        ("metadata.csv", "file_name\n0.png\n1.png\n", "has no column beside the names of images"),
        ("labels.csv", "a,b\nx,y\n", "names none of the images that can be read, so it gives no labels"),
        ("metadata.jsonl", '{"file_name": "7.png", "label": 1}', "names none of the images that can be read"),
        ("dataset.json", "{}", "dataset.json in .* has no key 'labels', so it gives none"),
    ],
)
def test_a_table_that_was_read_is_not_counted_among_the_files_left_out(tmp_path, file, content, words):
    """It was, where it gave no labels; and in an archive nothing was said."""
    for i in range(2):
        (tmp_path / f"{i}.png").write_bytes(PNGS[i])
    (tmp_path / file).write_text(content)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in ("0.png", "1.png", file):
            archive.write(tmp_path / name, name)
    for path in (tmp_path / "a.zip", tmp_path):
        _, said = opened(path)
        assert re.search(words, said[0])
        (tmp_path / "a.zip").unlink(missing_ok=True)
        assert not any("Left out" in line for line in said)


def test_a_table_beside_the_images_of_a_split_is_hinted_at(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "0.png").write_bytes(PNGS[0])
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n0.png,1\n")
    said = opened(tmp_path)[1]
    assert any(line.startswith("train/metadata.csv in") and "set data.path to that subfolder" in line for line in said)
    assert opened(tmp_path / "train")[0].info.num_classes == 1


def test_classes_of_an_archive_are_told_by_its_own_name(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("only/0.png", PNGS[0])
    assert opened(tmp_path / "a.zip")[1][0].startswith(f"{tmp_path / 'a.zip'} has one subfolder, only")
