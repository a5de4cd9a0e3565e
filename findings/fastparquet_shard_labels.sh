#!/usr/bin/env bash
# fastparquet renames the classes of Parquet shards: the last shard's list of names is put on the numbers of all others.
#
# Common guess: a column of pandas categories reads back as the names that were written, also where each shard, or each
#   append, has met other classes. pandas and pyarrow join such lists; a reader that cannot would refuse.
# Seen (fastparquet 2026.9.0, files of pandas 3.1.1 with pyarrow 26.0.1 and of fastparquet itself): every shard has its
#   own list, and `to_pandas` keeps all numbers and the last list only. [cat, dog, cat] and [dog, ape, ape] come back as
#   [ape, dog, ape, dog, ape, ape]. The same for one file that was written by write(append=True) or in row groups. Each
#   shard alone is right, and so are the count of rows and the dtype. Nothing warns.
# So: read with pyarrow, or ParquetFile(...).to_pandas(categories=[]), or give all shards the same list of categories.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q fastparquet==2026.9.0 pandas==3.1.1 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error -W ignore::ResourceWarning - << 'PY'
import fastparquet
import pandas as pd

labels = [["cat", "dog", "cat"], ["dog", "ape", "ape"]]
true = labels[0] + labels[1]
wrong = ["ape", "dog", "ape", "dog", "ape", "ape"]
paths = ["0.parquet", "1.parquet"]


def frame(names, categories=None):
    return pd.DataFrame({"label": pd.Categorical(names, categories), "image": range(len(names))})


def read(files, **options):
    """Return the labels that fastparquet finds."""
    found = fastparquet.ParquetFile(files).to_pandas(**options)
    assert len(found) == 6
    return found["label"].tolist()


for path, names in zip(paths, labels, strict=True):
    frame(names).to_parquet(path)
print("written", true)
print("read   ", read(paths))
assert read(paths) == wrong
assert [group["label"].tolist() for group in fastparquet.ParquetFile(paths).iter_row_groups()] == labels
assert pd.concat([pd.read_parquet(path) for path in paths])["label"].tolist() == true
assert pd.read_parquet(paths)["label"].tolist() == true
assert read(paths, categories=[]) == true

for number, names in enumerate(labels):
    fastparquet.write("appended.parquet", frame(names), append=number > 0)
print("append ", read("appended.parquet"))
assert read("appended.parquet") == wrong
assert pd.read_parquet("appended.parquet")["label"].tolist() == true

for path, names in zip(paths, labels, strict=True):
    frame(names, ["ape", "cat", "dog"]).to_parquet(path)
assert read(paths) == true
PY
