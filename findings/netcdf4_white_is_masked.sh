#!/usr/bin/env bash
# netCDF4 hides the white pixels of images in bytes, and their mean comes out darker.
#
# Common guess: a uint8 variable for which nobody set a fill value has none. All 256 levels come back as they are.
# Seen (netCDF4 1.7.5.1.post1): each type has a fill value by default. That of uint8 is 255 and that of uint16 65,535,
#   which are white. Where a slice has such pixels it comes back as a masked array, in which they count as missing:
#   `mean` and `std` leave them out, and `filled(0)` paints them black. Where it has none the same code is right.
#   createVariable(..., fill_value=False) cures uint8 and not uint16. xarray and h5py read all pixels of the same file.
#   Nothing warns.
# So: file.set_auto_mask(False) after opening, or read the file with xarray.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q netCDF4==1.7.5.1.post1 xarray==2026.9.0 h5py==3.16.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import h5py
import netCDF4
import numpy as np
import xarray

axes = "n", "y", "x"
for kind in np.uint8, np.uint16:
    white = np.iinfo(kind).max
    images = np.full((2, 8, 8), white // 5, kind)
    images[1, :6] = white
    with netCDF4.Dataset("images.nc", "w") as file:
        for name, size in zip(axes, images.shape, strict=True):
            file.createDimension(name, size)
        file.createVariable("image", kind, axes)[:] = images
        file.createVariable("plain", kind, axes, fill_value=False)[:] = images
    with netCDF4.Dataset("images.nc") as file:
        read, plain = file["image"][:], file["plain"][:]
        file.set_auto_mask(False)
        right = file["image"][:]
    print(f"{np.dtype(kind)}: mean {read.mean():.1f} instead of {images.mean():.1f}; {read.mask.mean():.0%} is masked")
    assert np.array_equal(read.mask, images == white)
    assert read.mean() == white // 5 < images.mean() / 2
    assert read[1].std() == 0 and read[1].filled(0)[0, 0] == 0
    assert not read[0].mask.any() and read[0].mean() == images[0].mean()
    assert plain.mean() == (images if kind == np.uint8 else read).mean()
    assert type(right) is np.ndarray and np.array_equal(right, images)
    assert np.array_equal(xarray.load_dataset("images.nc")["image"], images)
    with h5py.File("images.nc") as file:
        assert np.array_equal(file["image"][:], images)
PY
