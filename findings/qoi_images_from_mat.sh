#!/usr/bin/env bash
# The package qoi scrambles colour images that come out of a .mat file.
#
# Common guess: `qoi.encode(pixels)` keeps the pixels, since QOI has no loss. Where it cannot take an array's memory
#   layout, it says so: for a crop, a flip or a transposed image it raises "array should be C-contiguous".
# Seen (qoi 0.8.0, SciPy 1.17.1): it lets one layout through, the column-major one of Fortran and MATLAB, and writes its
#   bytes as if they were row-major. scipy.io.loadmat returns that layout. So does X[..., 0] of data in the form of
#   SVHN, (height, width, 3, number). The file is valid, of the right size, and shows stripes. Nothing is raised.
# So: qoi.encode(np.ascontiguousarray(pixels)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q qoi==0.8.0 scipy==1.17.1 numpy==2.4.6 pillow==13.0.0
cd "$work"
venv/bin/python -W error - << 'PY'
import io

import numpy as np
import qoi
import scipy.io
from PIL import Image

rows, columns = np.mgrid[:32, :32]
image = np.stack([rows * 8, columns * 8, (rows + columns) * 4], -1).astype(np.uint8)
made = np.stack([image, image[::-1], 255 - image], -1)
scipy.io.savemat("train_32x32.mat", {"X": made})
images = scipy.io.loadmat("train_32x32.mat")["X"]
assert images.shape == (32, 32, 3, 3) and np.array_equal(images, made)

for number in range(3):
    pixels = images[..., number]
    assert np.array_equal(pixels, made[..., number]) and pixels.flags.f_contiguous
    content = qoi.encode(pixels)
    found = qoi.decode(content)
    error = np.abs(found.astype(int) - pixels).mean()
    print(f"image {number}: strides {pixels.strides}, read back {found.shape}, mean error {error:.0f}")
    assert found.shape == pixels.shape and error > 30
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), found)
    assert np.array_equal(np.sort(found, None), np.sort(pixels, None))
    assert np.array_equal(qoi.decode(qoi.encode(np.ascontiguousarray(pixels))), pixels)

for view in image[:, ::-1], image[4:20, 4:20], image.swapaxes(0, 1):
    try:
        qoi.encode(view)
    except ValueError as error:
        assert "C-contiguous" in str(error)
    else:
        raise AssertionError("another layout was taken")
PY
