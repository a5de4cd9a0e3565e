#!/usr/bin/env bash
# polars numbers the classes of the same column differently, depending on which other columns are alive.
#
# Common guess: `to_physical` of a Categorical gives codes by first appearance in the column, or those that a pandas
#   Categorical came with.
# Seen (polars 2.1.0): all Categorical columns of a process share one table. "dog, cat, bird" gets 0, 1, 2 in a fresh
#   process, and 3, 2, 1 where another column with "fish, bird, cat" is alive. Codes of pandas are replaced too. When
#   that column is gone, the old numbers are back. So labels made in this way differ between the script that trains and
#   the one that measures. Nothing warns at run time. The documentation of `to_physical` says that codes are not stable,
#   and then shows it as a stand-in for pandas' `factorize`, which is. Enum is stable.
# So: pl.Enum with the list of classes, kept with the weights.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q polars==2.1.0 pandas==3.1.1 pyarrow==26.0.1
cd "$work"
venv/bin/python -W error - << 'PY'
import gc

import pandas as pd
import polars as pl

classes = ["dog", "cat", "bird"]
given = pd.DataFrame({"label": pd.Categorical(classes, categories=classes)})
given.to_parquet("labels.parquet")


def codes(kind):
    return {
        "texts": pl.Series(classes, dtype=kind).to_physical().to_list(),
        "pandas": pl.from_pandas(given)["label"].cast(kind).to_physical().to_list(),
        "Parquet": pl.read_parquet("labels.parquet")["label"].cast(kind).to_physical().to_list(),
    }


def same(found, numbers):
    return all(value == numbers for value in found.values())


print("alone:", alone := codes(pl.Categorical))
other = pl.Series(["fish", "bird", "cat"], dtype=pl.Categorical)
print("beside another column:", beside := codes(pl.Categorical))
assert same(alone, [0, 1, 2]) and same(beside, [3, 2, 1])
assert same(codes(pl.Enum(classes)), [0, 1, 2])
del other
gc.collect()
print("after it is gone:", after := codes(pl.Categorical))
assert same(after, [0, 1, 2])
assert pd.read_parquet("labels.parquet")["label"].cat.codes.tolist() == [0, 1, 2]
PY
