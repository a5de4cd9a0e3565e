"""Parquet and Arrow files of Hugging Face's datasets, and of pyarrow alone."""

import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from containers import PIXELS, PNGS, check, damaged, opened, or_sentence
from fuzz import FUZZ
from hypothesis import given

from jaxgan.base.checks import UserError
from jaxgan.data.sources.containers.hugging_face import HuggingFace

LABELS = [0, 1, 1, 0, 1, 0]


def write(file, labels=None, names=None, pngs=PNGS, image="image", rows=None, **columns):
    """As `Dataset.to_parquet` writes it: a struct of bytes and path, and the classes' names in the schema."""
    table = {image: [{"bytes": png, "path": None} for png in pngs]} | columns
    features = {image: {"_type": "Image"}}
    if labels is not None:
        table["label"] = labels
        if names:
            features["label"] = {"_type": "ClassLabel", "names": names}
    table = pa.table(table)
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, file, row_group_size=rows)


@pytest.mark.parametrize("rows", [None, 2])
def test_a_parquet_file(tmp_path, rows):
    write(tmp_path / "a.parquet", LABELS, ["cat", "dog"], rows=rows)
    source, said = opened(tmp_path / "a.parquet")
    check(source, labels=LABELS, classes=2, names=["cat", "dog"])
    assert said == ["parquet files: 6 images 8x8 RGB, 2 classes."]


def test_files_whose_names_have_another_order_are_joined_by_name(tmp_path):
    write(tmp_path / "train-00000-of-00002.parquet", LABELS, ["cat", "dog"])
    write(tmp_path / "train-00001-of-00002.parquet", LABELS, ["dog", "cat"])
    write(tmp_path / "test-00000-of-00001.parquet", LABELS, ["dog", "cat"])
    source, _ = opened(tmp_path)
    both = np.concatenate([PIXELS, PIXELS])
    check(source, both, LABELS + [1 - label for label in LABELS], 2, ["cat", "dog"])
    check(opened(tmp_path, split="test")[0], labels=LABELS, classes=2, names=["dog", "cat"])
    with pytest.raises(UserError, match=r"data\.split is 'validation'; expected one of test, train"):
        opened(tmp_path, split="validation")


def test_bytes_alone_without_metadata(tmp_path):
    for kind in (pa.binary(), pa.large_binary()):
        pq.write_table(pa.table({"jpg": pa.array(PNGS, kind), "label": LABELS}), tmp_path / "a.parquet")
        check(opened(tmp_path / "a.parquet")[0], labels=LABELS, classes=2)


@pytest.mark.parametrize(
    ("kind", "is_category"),
    [
        (pa.string(), False),
        (pa.large_string(), False),
        (pa.string_view(), False),
        (pa.string(), True),
        (pa.large_string(), True),
    ],
)
def test_texts_of_any_kind_are_classes(tmp_path, kind, is_category):
    """Categories are what pandas and polars make of columns of few texts."""
    texts = pa.array(["dog", "cat"] * 3, kind)
    if is_category:
        texts = pa.DictionaryArray.from_arrays(pa.array([1, 0] * 3), pa.array(["cat", "dog"], kind))
    write(tmp_path / "a.parquet", label=texts)
    check(opened(tmp_path / "a.parquet")[0], labels=[1, 0] * 3, classes=2, names=["cat", "dog"])


def test_columns_by_name(tmp_path):
    write(tmp_path / "a.parquet", kind=["b", "a"] * 3, angle=np.linspace(0, 1, 6))
    source, said = opened(tmp_path / "a.parquet")
    check(source)
    assert "has the columns kind (2 values), angle (6 values); --config.data.labels takes" in said[0]
    check(opened(tmp_path / "a.parquet", labels="kind")[0], labels=[1, 0] * 3, classes=2, names=["a", "b"])
    assert opened(tmp_path / "a.parquet", labels="kind,angle")[0].labels.shape == (6, 3)
    with pytest.raises(UserError, match="Did you mean"):
        opened(tmp_path / "a.parquet", labels="angel")


@pytest.mark.parametrize("missing", [None, -1])
def test_labels_that_are_missing(tmp_path, missing):
    write(tmp_path / "a.parquet", [missing] * 6, ["cat", "dog"])
    check(opened(tmp_path / "a.parquet")[0])
    write(tmp_path / "b.parquet", [0, 1, missing, 0, 1, 0], ["cat", "dog"])
    with pytest.raises(UserError, match=r"1 of 6 labels of .* are missing"):
        opened(tmp_path / "b.parquet")


def test_an_image_that_is_missing_or_damaged_is_replaced(tmp_path):
    write(tmp_path / "a.parquet", pngs=[PNGS[0], None, b"no image", PNGS[3]])
    check(opened(tmp_path / "a.parquet")[0], PIXELS[[0, 3, 3, 3]])


def test_paths_alone_are_not_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(PNGS[0])
    table = {"image": [{"bytes": None, "path": str(tmp_path / "secret.png")}] * 6}
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    pq.write_table(pa.table({"image": pa.array(table["image"], kind)}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="holds no bytes in its column 'image', but paths"):
        opened(tmp_path / "a.parquet")


def test_no_images(tmp_path):
    pq.write_table(pa.table({"label": LABELS}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"has the columns label \(int64\); expected one of encoded images"):
        opened(tmp_path / "a.parquet")


def arrow(names=("a", "b"), indices=None):
    """What `save_to_disk` writes: a stream of batches."""
    table = pa.table({"image": [{"bytes": png, "path": "x.png"} for png in PNGS], "kind": list(names) * 3})
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table, max_chunksize=4)
    return stream.getvalue()


def test_a_single_arrow_file(tmp_path):
    (tmp_path / "a.arrow").write_bytes(arrow())
    check(opened(tmp_path / "a.arrow")[0], labels=[0, 1] * 3, classes=2, names=["a", "b"])


def test_names_in_a_state_that_lead_out_of_the_folder(tmp_path):
    (tmp_path / "secret.arrow").write_bytes(arrow())
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "state.json").write_text(json.dumps({"_data_files": [{"filename": "../secret.arrow"}]}))
    with pytest.raises((UserError, FileNotFoundError), match=r"secret\.arrow"):
        opened(tmp_path / "set")


@pytest.mark.parametrize("key", ["_data_files", "_indices_data_files"])
@pytest.mark.parametrize("name", ["[" * 3_000, "", "..", "sub/"])
def test_names_in_a_state_that_no_file_can_have(tmp_path, key, name):
    (tmp_path / "a.arrow").write_bytes(arrow())
    state = {"_data_files": [{"filename": "a.arrow"}], key: [{"filename": name}]}
    (tmp_path / "state.json").write_text(json.dumps(state))
    with pytest.raises(UserError, match=r"is damaged: it names a file '.{0,40}'; get it again\.$"):
        opened(tmp_path)


@pytest.fixture(scope="module")
def datasets():
    return pytest.importorskip("datasets")


@pytest.fixture
def made(datasets):
    """A set of the library's own making."""
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])})
    rows = {"image": [{"bytes": png, "path": None} for png in PNGS], "label": LABELS}
    return datasets.Dataset.from_dict(rows, features)


def reference(dataset):
    return np.stack([np.asarray(row["image"]) for row in dataset]), [row["label"] for row in dataset]


def test_to_parquet(tmp_path, made):
    made.to_parquet(str(tmp_path / "a.parquet"))
    pixels, labels = reference(made)
    check(opened(tmp_path / "a.parquet")[0], pixels, labels, 2, ["cat", "dog"])


def test_save_to_disk_in_the_shuffled_order(tmp_path, made):
    made.save_to_disk(str(tmp_path / "plain"), num_shards=2)
    check(opened(tmp_path / "plain")[0], *reference(made), 2, ["cat", "dog"])
    shuffled = made.shuffle(seed=1)
    shuffled.save_to_disk(str(tmp_path / "shuffled"))
    check(opened(tmp_path / "shuffled")[0], *reference(shuffled), 2, ["cat", "dog"])


def test_several_splits(tmp_path, made, datasets):
    both = datasets.DatasetDict({"train": made, "test": made.select([3, 1])})
    both.save_to_disk(str(tmp_path / "both"))
    check(opened(tmp_path / "both")[0], *reference(made), 2)
    check(opened(tmp_path / "both", split="test")[0], *reference(both["test"]), 2)
    with pytest.raises(UserError, match=r"data\.split .* is 'valid'; expected one of train, test"):
        opened(tmp_path / "both", split="valid")


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


def parquet():
    stream = io.BytesIO()
    write(stream, LABELS, ["cat", "dog"])
    return stream.getvalue()


@FUZZ
@given(content=damaged([parquet(), arrow()], 1500))
def test_fuzz_damaged_tables_are_images_or_a_sentence(file, content):
    place = file / ("a.parquet" if content[:4] == b"PAR1" else "a.arrow")
    place.write_bytes(content)
    source = type("C", (), {"path": str(place), "split": "train", "labels": ""})
    if found := or_sentence(lambda: HuggingFace(source), place.name):
        for row in range(len(found)):
            raw = or_sentence(lambda row=row: found.raw(row), place.name)
            assert raw is None or isinstance(raw, bytes)
