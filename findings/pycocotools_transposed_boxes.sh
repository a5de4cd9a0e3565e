#!/usr/bin/env bash
# pycocotools computes wrong overlaps for boxes that come from a pandas or polars table, or from np.stack([...]).T.
#
# Common guess: `mask.iou(found, true, crowd)` depends on the numbers in the arrays, not on how they lie in memory. It
#   does copy slices and other types, and refuses masks that do not lie as it needs them.
# Seen (pycocotools 2.0.11): a column-major float64 array goes to the C code as it is, and is read as if it were
#   row-major: the first box becomes x of the first four boxes. to_numpy() of pandas and polars gives such an array, and
#   so does `.T` of stacked columns. Of 100 boxes of a table not one overlaps itself. Shape and type of the result are
#   right, and nothing is raised.
# So: np.ascontiguousarray(boxes).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pycocotools==2.0.11 pandas==3.1.1 polars==2.1.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import pandas as pd
import polars as pl
from pycocotools import mask

draw = np.random.default_rng(0)
table = dict(zip("xywh", [*draw.uniform(0, 400, (2, 100)), *draw.uniform(20, 100, (2, 100))], strict=True))
boxes = np.stack(list(table.values()), axis=1)
start, end = boxes[:, None, :2], boxes[:, None, :2] + boxes[:, None, 2:]
inside = (np.minimum(end, end.swapaxes(0, 1)) - np.maximum(start, start.swapaxes(0, 1))).clip(0).prod(-1)
areas = boxes[:, 2] * boxes[:, 3]
true = inside / (areas[:, None] + areas - inside)


def overlaps(found):
    assert np.array_equal(found, boxes) and found.dtype == np.float64
    overlap = mask.iou(found, boxes, [0] * len(boxes))
    assert overlap.shape == (100, 100)
    return overlap


for name, found in (
    ("rows", boxes),
    ("np.stack(...).T", np.stack(list(table.values())).T),
    ("pandas", pd.DataFrame(table).to_numpy()),
    ("polars", pl.DataFrame(table).to_numpy()),
    ("pandas, made contiguous", np.ascontiguousarray(pd.DataFrame(table).to_numpy())),
):
    overlap = overlaps(found)
    fit, error = (np.diag(overlap) > 0.99).sum(), np.abs(overlap - true).max()
    print(f"{name}: {fit} of 100 boxes fit themselves, largest error {error:.2f}")
    if found.flags.c_contiguous:
        assert fit == 100 and error < 1e-9
    else:
        assert fit < 5 and error > 0.9
PY
