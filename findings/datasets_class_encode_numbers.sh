#!/usr/bin/env bash
# datasets renumbers classes that are numbers already: 10 becomes 2.
#
# Common guess: `class_encode_column` leaves the labels 0 to 11 as they are, and only adds names to them.
# Seen (datasets 5.2.0): it sorts them as texts: 0, 1, 10, 11, 2, 3, ... So the label 10 becomes 2, 2 becomes 4, and 9
#   becomes 11. People call it because `train_test_split(stratify_by_column=...)` refuses a column of whole numbers.
#   With ten classes or fewer all is well. Nothing warns, and a network that was trained on the old numbers is wrong.
# So: cast the column to ClassLabel(num_classes=12) instead.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q datasets==5.2.0 pyarrow==26.0.1
cd "$work"
HF_HUB_OFFLINE=1 HF_HOME="$work/home" venv/bin/python - 2> errors.txt << 'PY' || { cat errors.txt; exit 1; }
import datasets

for classes in 10, 12:
    given = list(range(classes)) * 2
    rows = datasets.Dataset.from_dict({"label": given})
    try:
        rows.train_test_split(test_size=classes, stratify_by_column="label")
        raise SystemExit("not refused")
    except ValueError as error:
        refused = str(error)
    encoded = rows.class_encode_column("label")
    print(f"{classes} classes: {encoded['label'][:classes]}")
    assert "ClassLabel" in refused
    assert (encoded["label"][:] == given) == (classes == 10)
    cast = rows.cast_column("label", datasets.ClassLabel(num_classes=classes))
    assert cast["label"][:] == given
    cast.train_test_split(test_size=classes, stratify_by_column="label")
assert encoded["label"][:12] == [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 2, 3]
PY
