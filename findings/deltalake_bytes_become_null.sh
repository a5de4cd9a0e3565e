#!/usr/bin/env bash
# Delta Lake loses every value over 127 of images that are stored as Arrow lists of one length: they become null.
#
# Common guess: Delta Lake has no unsigned bytes, so its writer stores them as wider numbers, or refuses them. It does
#   refuse 200 in a plain column of bytes, and in lists of free length.
# Seen (deltalake 1.6.6, pyarrow 26.0.1): a FixedSizeList of uint8, the form of images and of Arrow's tensors, is cast
#   to int8 without a check. The upper half of all bytes is null on the disk, and the call succeeds. Nothing warns.
#   uint16 loses all over 32767 in the same way.
# So: store images as binary (pixels.tobytes(), or PNG), or widen them to int16 first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q deltalake==1.6.6 pyarrow==26.0.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

images = np.random.default_rng(0).integers(0, 256, (50, 64), np.uint8)
tables = iter(range(100))


def lists(pixels):
    return pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), pixels.shape[1])


def stored(column):
    """Write a table of the column, and return the values in its file."""
    path = f"table{next(tables)}"
    write_deltalake(path, pa.table({"image": column}))
    return pq.read_table(DeltaTable(path).file_uris())["image"].to_pylist()


for pixels, top in (images, 127), (images.astype(np.uint16) * 257, 32767):
    expected = [[value if value <= top else None for value in row] for row in pixels.tolist()]
    found = stored(lists(pixels))
    lost = sum(value is None for row in found for value in row) / pixels.size
    print(f"{pixels.dtype}: written {pixels[0, :4]}, read {found[0][:4]}, lost {lost:.0%}")
    assert found == expected and 0.4 < lost < 0.6
assert DeltaTable("table1").to_pyarrow_table()["image"].to_pylist() == found

for name, column in ("plain", pa.array(images[0])), ("list", pa.array(images.tolist(), pa.list_(pa.uint8()))):
    try:
        stored(column)
    except Exception as error:
        print(f"{name}: {str(error).rsplit(': ')[-1]}")
        assert "to type Int8" in str(error)
    else:
        raise AssertionError(f"{name}: taken")
assert stored(lists(images.astype(np.int16))) == images.tolist()
assert stored(pa.array([row.tobytes() for row in images])) == [row.tobytes() for row in images]
PY
