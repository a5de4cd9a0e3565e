#!/usr/bin/env bash
# h5py cuts numbers that do not fit into bytes to 0 and 255, and zarr lets them start over.
#
# Common guess: assigning an array to a data set of another type is the same in both, and the same as in NumPy.
# Seen (h5py 3.16.0, zarr 3.1.6): into uint8, h5py writes 256 and 300 as 255 and -1 as 0. zarr, like `astype`, writes
#   0, 44 and 255. So code that stores images with a few values beyond white is right with HDF5, and gets black specks
#   in its whitest places when it moves to zarr. With floats of 0 to 255 both cut off the fraction. Neither warns.
# So: round and clip before you store: np.clip(np.rint(images), 0, 255).astype(np.uint8).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q h5py==3.16.0 zarr==3.1.6 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import h5py
import numpy as np
import zarr

given = np.array([-1, 0, 128, 255, 256, 300], np.int16)
floats = np.array([0.9, 127.6, 254.9], np.float32)
file = h5py.File("images.h5", "w")


def by_hdf5(values):
    stored = file.require_dataset(f"of_{len(values)}", values.shape, np.uint8)
    stored[:] = values
    return stored[:].tolist()


def by_zarr(values):
    stored = zarr.create_array("images.zarr", shape=values.shape, dtype="uint8", overwrite=True)
    stored[:] = values
    return stored[:].tolist()


print("given", given.tolist(), "h5py", by_hdf5(given), "zarr", by_zarr(given))
assert by_hdf5(given) == [0, 0, 128, 255, 255, 255]
assert by_zarr(given) == given.astype(np.uint8).tolist() == [255, 0, 128, 255, 0, 44]
assert by_hdf5(floats) == by_zarr(floats) == [0, 127, 254]
PY
