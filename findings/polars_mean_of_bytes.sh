#!/usr/bin/env bash
# polars' mean across columns of bytes is below all of them: the mean of 200 and 200 is 72.
#
# Common guess: `pl.mean_horizontal` gives what `mean` gives for a column or a list: floats, from a sum that is wide
#   enough.
# Seen (polars 2.1.0): it adds in uint8 (or whatever type the columns share), starts over after 255, and divides then.
#   `sum_horizontal` does the same: 144, where pandas gives 400. `sum` and `mean` of a column, of a list and of an array
#   column are right. Nothing warns. Grey values from R, G and B, means over raters and totals of counts are wrong.
# So: cast to float or a wider type first, or pl.concat_list(...).list.mean().
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q polars==2.1.0 pandas==3.1.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import pandas as pd
import polars as pl

colours = np.random.default_rng(0).integers(100, 256, (1000, 3), np.uint8)
colours[0] = 200
frame, right = pl.DataFrame(colours, schema=["r", "g", "b"]), colours.mean(1)
assert frame.dtypes == [pl.UInt8] * 3
grey = frame.select(pl.mean_horizontal("r", "g", "b")).to_series().to_numpy()
total = frame.select(pl.sum_horizontal("r", "g", "b")).to_series().to_numpy()
pair = frame.select(pl.mean_horizontal("r", "g")).item(0, 0)
print(f"mean of 200 and 200: {pair}; mean grey of the pixels: {grey.mean():.1f} instead of {right.mean():.1f}")
assert pair == 72 and np.allclose(grey, colours.sum(1, dtype=np.uint8) / 3) and (grey < colours.min(1)).all()
assert total.dtype == np.uint8 and np.array_equal(total, colours.sum(1, dtype=np.uint8))
small = frame.cast(pl.Int16).select(pl.all() * 100).select(pl.mean_horizontal("r", "g")).item(0, 0)
print("the same in int16, of 20,000 and 20,000:", small)
assert small < 0

for name, found in {
    "floats first": frame.cast(pl.Float64).select(pl.mean_horizontal("r", "g", "b")),
    "as a list": frame.select(pl.concat_list("r", "g", "b").list.mean()),
    "as an array": frame.select(pl.concat_arr("r", "g", "b").arr.mean()),
    "down": pl.DataFrame(colours.T[:, :50].copy()).mean().transpose(),
}.items():
    found = found.to_series().to_numpy()
    print(f"{name}: {found[0]}")
    assert np.allclose(found, right[: len(found)])
assert np.allclose(pd.DataFrame(colours).mean(axis=1), right) and pd.DataFrame(colours).sum(axis=1)[0] == 600
PY
