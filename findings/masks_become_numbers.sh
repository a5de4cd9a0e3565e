#!/usr/bin/env bash
# A mask of rows that goes through PyTables and h5py, or through a .mat file, picks the rows 0 and 1 instead.
#
# Common guess: booleans come back as booleans, so `images[keep]` gives the rows to keep.
# Seen (h5py 3.16.0, tables 3.11.1, scipy 1.17.1): each of the two HDF5 libraries reads its own booleans right and those
#   of the other as 0 and 1 in int8 or uint8. `scipy.io` reads its own ones as uint8. NumPy takes such an array for row
#   numbers: `images[keep]` has as many rows as before, all of them copies of the rows 0 and 1, and `labels[keep]` the
#   labels of these two, so the pairs still match. Nothing warns.
# So: keep.astype(bool) after reading.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q h5py==3.16.0 tables==3.11.1 scipy==1.17.1 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import h5py
import numpy as np
import scipy.io
import tables

images, labels = np.arange(600).reshape(100, 6), np.arange(100)
keep = labels % 10 == 9

with h5py.File("h5py.h5", "w") as file:
    file["keep"] = keep
with tables.open_file("tables.h5", "w") as file:
    file.create_array("/", "keep", keep)
scipy.io.savemat("scipy.mat", {"keep": keep})


def by_h5py(name):
    with h5py.File(name) as file:
        return file["keep"][:]


def by_tables(name):
    with tables.open_file(name) as file:
        return file.root["keep"].read()


for how, read in [
    ("h5py, then tables", by_tables("h5py.h5")),
    ("tables, then h5py", by_h5py("tables.h5")),
    ("scipy, then scipy", scipy.io.loadmat("scipy.mat")["keep"][0]),
]:
    print(f"{how}: {read.dtype}, {len(images[read])} rows of the classes {np.unique(labels[read])}")
    assert read.dtype in (np.int8, np.uint8) and np.array_equal(read, keep)
    assert images[read].shape == images.shape and np.unique(labels[read]).tolist() == [0, 1]
    assert np.array_equal(images[read.astype(bool)], images[keep])
for read in by_h5py("h5py.h5"), by_tables("tables.h5"):
    assert read.dtype == bool and np.array_equal(images[read], images[keep]) and len(images[read]) == 10
PY
