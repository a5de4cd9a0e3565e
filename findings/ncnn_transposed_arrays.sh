#!/usr/bin/env bash
# ncnn's Python package takes a transposed NumPy image for one in plain order, and the pixels are mixed up.
#
# Common guess: `ncnn.Mat(image.transpose(2, 0, 1))` holds the image with its channels first, or a view that is not
#   contiguous is refused. So does `Mat.from_pixels` of a crop hold the crop.
# Seen (ncnn 1.0.20261020): both take the shape of the view and read the memory behind it in plain order. Each
#   "channel" of the transposed image then holds all three colours of a third of the rows, and a crop of an image
#   holds the right first row and a slanted rest. clone() keeps it so. Nothing warns.
# So: np.ascontiguousarray first, kept under a name as long as the Mat is in use, since the Mat does not copy.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q ncnn==1.0.20261020 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import ncnn
import numpy as np

image = np.zeros((6, 4, 3), np.float32)
image[:] = [10, 20, 30]
view = image.transpose(2, 0, 1)
plain = np.ascontiguousarray(view)  # a name of its own: the Mat does not copy
print("transposed: shape of the view", view.shape)
for name, pixels in ("view", view), ("contiguous", plain):
    mat = ncnn.Mat(pixels)
    found, copied = np.array(mat), np.array(mat.clone())
    print(f"{name}: first row of the first channel {found[0, 0]}")
    assert found.shape == (3, 6, 4) and np.array_equal(found, copied)
    if name == "view":
        assert np.array_equal(found.ravel(), image.ravel()) and not np.array_equal(found, view)
    else:
        assert np.array_equal(found, view)

whole = np.arange(12 * 14 * 3).reshape(12, 14, 3).astype(np.uint8)
crop = whole[2:8, 3:10]
for name, pixels in ("crop", crop), ("contiguous crop", np.ascontiguousarray(crop)):
    found = np.array(ncnn.Mat.from_pixels(pixels, ncnn.Mat.PixelType.PIXEL_RGB, 7, 6)).transpose(1, 2, 0)
    right = (found == crop).all(axis=(1, 2))
    print(f"{name}: rows that are right {right.tolist()}")
    assert right[0] and right.all() == (name != "crop")
start = (2 * 14 + 3) * 3
taken = np.array(ncnn.Mat.from_pixels(crop, ncnn.Mat.PixelType.PIXEL_RGB, 7, 6)).transpose(1, 2, 0)
assert np.array_equal(taken.ravel(), whole.ravel()[start : start + crop.size])
PY
