#!/usr/bin/env bash
# Arrow's column of tensors scrambles images that were only transposed from channels last to channels first.
#
# Common guess: `FixedShapeTensorArray.from_numpy_ndarray(x).to_numpy_ndarray()` is x.
# Seen (pyarrow 26.0.1, NumPy 2.4.6): not if x is `images.transpose(0, 3, 1, 2)`, which NumPy makes without a copy.
#   pyarrow keeps the order of the axes and undoes it wrongly, since it takes the order for its own inverse. 2 images of
#   4x2x3 come back as 3x4x2, with some values twice and others not at all.
#   With images as high and wide as they have channels even the shape is right, and only the pixels are wrong. Exchanges
#   of two axes are right. Nothing warns.
# So: `np.ascontiguousarray` first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pyarrow==26.0.1 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def through_a_file(images):
    column = pa.FixedShapeTensorArray.from_numpy_ndarray(images)
    pq.write_table(pa.table({"image": column}), "images.parquet")
    back = pq.read_table("images.parquet")["image"].combine_chunks()
    return back.type, back.to_numpy_ndarray()


last = np.arange(2 * 2 * 3 * 4, dtype=np.uint8).reshape(2, 2, 3, 4)
first = last.transpose(0, 3, 1, 2)
kind, found = through_a_file(first)
print(kind)
print(f"written {first.shape}, {first[0].ravel().tolist()}")
print(f"read {found.shape}, {found[0].ravel().tolist()}")
assert found.shape == (2, 3, 4, 2)
assert not np.array_equal(np.sort(found[0], None), np.sort(first[0], None))

square = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 4), np.uint8).transpose(0, 3, 1, 2)
_, found = through_a_file(square)
print(f"four bands of 4x4: shape {found.shape}, {(found != square).mean():.0%} of the pixels are wrong")
assert found.shape == square.shape and not np.array_equal(found, square)

for right in np.ascontiguousarray(first), last, last.transpose(0, 2, 1, 3):
    assert np.array_equal(through_a_file(right)[1], right)
PY
