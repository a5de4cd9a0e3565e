"""Labels from columns: classes with names, numbers, vectors."""

import numpy as np
import pytest

from jaxgan.base import terminal
from jaxgan.base.checks import UserError
from jaxgan.data.labels import chosen, numbered


def choose(table, wanted=""):
    said = []
    with terminal.divert(said.append):
        return chosen(table, wanted, "t.csv"), said


def test_texts_become_classes_with_names():
    labels, said = choose({"kind": ["dog", "cat", "dog"]})
    assert (labels.values.tolist(), labels.values.dtype, labels.names) == ([1, 0, 1], np.int32, ("cat", "dog"))
    assert labels.num_classes == 2
    assert said == ["Labels are the 'kind' of t.csv."]


def test_numbers_are_classes_in_the_order_of_numbers():
    """pandas, and imagefolder with it, reads 007 of a csv as 7; the names stay as they stand."""
    labels, _ = choose({"code": ["007", "010", "003"]})
    assert (labels.values.tolist(), labels.names) == ([1, 2, 0], ("003", "007", "010"))
    labels, _ = choose({"code": [10, 9, -1]})
    assert (labels.values.tolist(), labels.names) == ([2, 1, 0], ("-1", "9", "10"))


def test_bytes_are_texts():
    assert choose({"code": np.array([b"10", b"9"])})[0].names == ("9", "10")
    assert choose({"kind": [b"dog", "caf\u00e9".encode()]})[0].names == ("caf\u00e9", "dog")


def test_na_and_none_are_names():
    assert choose({"kind": ["NA", "None", "cat"]})[0].names == ("NA", "None", "cat")


def test_truth_is_a_class():
    assert choose({"smiles": [True, False, True]})[0].names == ("False", "True")


def test_other_numbers_stay_numbers():
    labels, _ = choose({"angle": ["0.5", "-1", "1e1"]})
    assert (labels.values.tolist(), labels.values.dtype, labels.num_classes) == ([[0.5], [-1], [10]], np.float32, None)
    labels, _ = choose({"number": list(range(20_000))})
    assert labels.num_classes is None


def test_several_columns_are_a_vector():
    table = {"kind": ["dog", "cat"], "angle": [0.5, 2.0], "count": [3, 4], "at": [[1, 2], [3, 4]]}
    labels, said = choose(table, "kind, angle,count,at")
    assert labels.names == ("kind=cat", "kind=dog", "angle", "count", "at[0]", "at[1]")
    np.testing.assert_array_equal(labels.values, [[0, 1, 0.5, 3, 1, 2], [1, 0, 2, 4, 3, 4]])
    assert said == []


def test_what_there_is_to_choose_from_is_said():
    table = {"kind": ["dog", "cat"], "angle": [0.5, 2.0]}
    labels, said = choose(table)
    assert labels is None
    assert said == [
        "t.csv has the columns kind (2 values), angle (2 values); --config.data.labels takes one or several as labels."
    ]
    labels, said = choose(table | {"Label": ["x", "y"]})
    assert labels.names == ("x", "y")
    assert said == ["Labels are the 'Label' of t.csv; choose others of kind, angle by --config.data.labels."]


def test_captions_are_no_classes():
    labels, said = choose({"text": [f"a caption {i}" for i in range(2000)]})
    assert labels is None
    assert said[0].startswith("The images get no labels: 'text' of t.csv has 2,000 texts for 2,000 images")


@pytest.mark.parametrize(
    ("table", "wanted", "message"),
    [
        ({"kind": ["a", None]}, "kind", "'kind' of t.csv is missing for 1 of 2 images"),
        ({"kind": ["a", ""]}, "kind", "missing for 1 of 2"),
        ({"kind": [[1], [1, 2]]}, "kind", "lists of several lengths"),
        ({"kind": [1.0, float("nan")]}, "kind", "NaN or infinity"),
        ({"kind": ["a", "b"]}, "kinds", 'Did you mean "kind"'),
    ],
)
def test_columns_that_cannot_be_meant(table, wanted, message):
    with pytest.raises(UserError, match=message):
        choose(table, wanted)


def test_numbered_labels_keep_their_numbers():
    assert numbered([5, 0, 2], "x").num_classes == 6
    assert numbered([None, None], "x") is None
    assert numbered([-1, -1], "x") is None
    assert numbered([0, 1], "x", ["cat", "dog", "frog"]).names == ("cat", "dog", "frog")
    assert numbered(np.eye(3), "x").values.shape == (3, 3)
    with pytest.raises(UserError, match="run to 3; expected classes from 0 to 2"):
        numbered([0, 3], "x", ["cat", "dog", "frog"])
    with pytest.raises(UserError, match="1 of 2 labels of x are missing"):
        numbered([0, -1], "x")
