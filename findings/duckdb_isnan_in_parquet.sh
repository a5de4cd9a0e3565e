#!/usr/bin/env bash
# DuckDB's isnan() finds no NaN in Parquet files of polars and pyarrow, so WHERE NOT isnan(score) lets NaN through.
#
# Common guess: `isnan(score)` looks at each score, and filters of a Parquet file give the rows that the same filters
#   give of the same table in memory.
# Seen (duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1): these writers leave NaN out of a column's smallest and largest
#   value, as the format asks for. DuckDB reads the two, concludes that there is no NaN, and replaces isnan() by false.
#   So avg() of the cleaned scores is NaN. `score <= 1` is dropped as always true and keeps NaN too, `score > 0.5` keeps
#   it, and `score > 0.95` does not, because 0.95 is over the largest. Nothing warns. DuckDB's own files are right.
# So: read_parquet(path, can_have_nan=true), which is false by default; or write null instead of NaN.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import math

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

table = pa.table({"image": [0, 1, 2, 3], "score": [0.2, math.nan, 0.9, 0.3]})
pq.write_table(table, "pyarrow.parquet")
pl.from_arrow(table).write_parquet("polars.parquet")
duckdb.sql("COPY \"table\" TO 'duckdb.parquet'")
conditions = "NOT isnan(score)", "isnan(score)", "score <= 1", "score > 0.5", "score > 0.95"
right = [[0, 2, 3], [1], [0, 2, 3], [1, 2], [1]]  # NaN is greater than all numbers in SQL
wrong = [[0, 1, 2, 3], [], [0, 1, 2, 3], [1, 2], []]


def images(source):
    """Return the images that each condition leaves."""
    return [[image for image, in duckdb.sql(f"SELECT image FROM {source} WHERE {condition} ORDER BY image").fetchall()]
            for condition in conditions]


print(" " * 20, *conditions, sep="  ")
for source in '"table"', "'duckdb.parquet'", "'polars.parquet'", "'pyarrow.parquet'":
    found = images(source)
    print(f"{source:20}", *found, sep="  ")
    assert found == (wrong if source in ("'polars.parquet'", "'pyarrow.parquet'") else right)

for path in "polars.parquet", "pyarrow.parquet":
    assert math.isnan(duckdb.sql(f"SELECT score FROM '{path}' WHERE image = 1").fetchall()[0][0])
    (mean,), = duckdb.sql(f"SELECT avg(score) FROM '{path}' WHERE NOT isnan(score)").fetchall()
    print(f"{path}: mean of the scores that are not NaN: {mean}")
    assert math.isnan(mean)
    source = f"read_parquet('{path}', can_have_nan=true)"
    assert images(source) == right
    (mean,), = duckdb.sql(f"SELECT avg(score) FROM {source} WHERE NOT isnan(score)").fetchall()
    assert math.isclose(mean, 1.4 / 3)
PY
