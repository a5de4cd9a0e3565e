#!/usr/bin/env bash
# Black pixels that zarr wrote are NaN for xarray.
#
# Common guess: images in bytes come back as the same bytes, whichever library opens the Zarr store.
# Seen (xarray 2026.9.0, zarr 3.1.6): zarr-python's fill value is 0 if nobody sets one. In format 2, the older
#   one, xarray takes the fill value for "missing": the images become float32, and each 0 becomes NaN. xarray's `mean`
#   then leaves the black pixels out, and background labels 0 vanish. In format 3 the same code returns the same
#   bytes. Stores that xarray itself wrote are right in both. The argument that should turn this off,
#   use_zarr_fill_value_as_mask=False, changes nothing in this version. Nothing warns.
# So: xarray.open_zarr(path, mask_and_scale=False), or zarr's fill_value=None when the array is created.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q xarray==2026.9.0 zarr==3.1.6 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
import xarray
import zarr

images = np.zeros((2, 8, 8), np.uint8)
images[:, 2:4] = 200
names = ["n", "y", "x"]


def write(version, **settings):
    group = zarr.open_group("images.zarr", mode="w", zarr_format=version)
    group.create_array(
        "image",
        data=images,
        attributes={"_ARRAY_DIMENSIONS": names} if version == 2 else None,
        dimension_names=names if version == 3 else None,
        **settings,
    )
    assert np.array_equal(zarr.open("images.zarr")["image"][:], images)


def read(**settings):
    return xarray.open_zarr("images.zarr", consolidated=False, chunks=None, **settings)["image"]


write(2)
found = read()
print(f"format 2: {found.dtype}, {np.isnan(found.values).mean():.0%} NaN, mean {found.mean().item()}")
assert found.dtype == np.float32 and np.array_equal(np.isnan(found.values), images == 0)
assert found.mean() == 200 and images.mean() == 50
assert np.array_equal(read(use_zarr_fill_value_as_mask=False), found, equal_nan=True)
assert np.array_equal(read(mask_and_scale=False), images)

write(3)
found = read()
print(f"format 3: {found.dtype}, mean {found.mean().item()}")
assert found.dtype == np.uint8 and np.array_equal(found, images)
write(2, fill_value=None)
assert np.array_equal(read(), images)
for version in 2, 3:
    xarray.Dataset({"image": (names, images)}).to_zarr("images.zarr", mode="w", zarr_format=version, consolidated=False)
    assert read().dtype == np.uint8 and np.array_equal(read(), images)
PY
