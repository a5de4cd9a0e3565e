#!/usr/bin/env bash
# With zarr's delta filter one NaN wipes out the rest of its chunk, and a mask of booleans comes back half wrong.
#
# Common guess: `Delta` is a step before compression, so it has no loss, and what it cannot keep it refuses. Its notes
#   warn of `astype` being too small an integer type only.
# Seen (numcodecs 0.16.6, zarr 3.1.6, formats 2 and 3): reading adds the differences up. After the first NaN or infinity
#   in a chunk every number of the chunk is NaN. float16 drifts, by 0.2 in a chunk of 262,144 normal numbers. The
#   differences of a bool array are its changes, and their sum is True from the first change on. Integers, also bytes
#   that wrap, are exact. Nothing warns of it.
# So: Delta for integers only. For floats, a compressor with shuffle, such as zarr's Blosc, or PCodec.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q numcodecs==0.16.6 zarr==3.1.6 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import warnings

import numcodecs
import numpy as np
import zarr
from zarr.codecs.numcodecs import Delta

warnings.filterwarnings("ignore", message="Numcodecs codecs are not in")  # another matter: the file's specification


def kept(values, version, delta=True):
    """Return the values, once written and read in one chunk."""
    codec = numcodecs.Delta(values.dtype) if version == 2 else Delta(dtype=values.dtype.name)
    array = zarr.create_array(zarr.storage.MemoryStore(), shape=values.shape, chunks=values.shape,
                              dtype=values.dtype, filters=[codec] if delta else None, zarr_format=version)
    array[:] = values
    return array[:]


draw = np.random.default_rng(0)
scores = draw.normal(0, 1, (4, 64, 64)).astype(np.float32)
scores[0, 0, 5] = np.nan
halves = draw.normal(0, 1, (64, 64, 64)).astype(np.float16)
mask = draw.random((64, 64)) < 0.5
images = draw.integers(0, 256, (4, 64, 64), np.uint8)
for version in 2, 3:
    found = kept(scores, version)
    drift = np.abs(kept(halves, version).astype(float) - halves).max()
    right = (kept(mask, version) == mask).mean()
    print(f"format {version}: NaN written 1, read {np.isnan(found).sum()}; float16 off by {drift:.2f}; "
          f"mask right in {right:.0%}")
    assert np.isnan(found).sum() == found.size - 5 and np.allclose(found[0, 0, :5], scores[0, 0, :5])
    assert drift > 0.1 and right < 0.6
    assert np.array_equal(kept(images, version), images)
    for values in scores, halves, mask:
        assert np.array_equal(kept(values, version, delta=False), values, equal_nan=values.dtype.kind == "f")
PY
