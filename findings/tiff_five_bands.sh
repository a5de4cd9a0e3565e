#!/usr/bin/env bash
# An array of five bands becomes a TIFF of 64 pages that are five pixels wide.
#
# Common guess: an array (H, W, C) written by tifffile, imageio or scikit-image is one image of C channels for every
#   reader.
# Seen (tifffile 2026.3.3, Pillow 13.0.0): with C = 3 or 4 it is. With C = 2 or 5 the file has H pages of W x C grey
#   pixels; Pillow shows the first page, a strip, and reports no error. tifffile itself reads the shape back, which it
#   keeps as JSON in the first page's description. Four bands come back as RGBA, so infrared is taken for transparency.
# So: look at the description's shape before pages are counted as images.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import numpy as np
import tifffile
from PIL import Image

found = {}
for bands in 2, 3, 4, 5:
    array = np.arange(64 * 48 * bands, dtype=np.uint8).reshape(64, 48, bands)
    tifffile.imwrite("image.tif", array)
    assert np.array_equal(tifffile.imread("image.tif"), array)
    with Image.open("image.tif") as image:
        found[bands] = image.size, image.mode, image.n_frames
        print(f"{bands} bands of 64 rows, 48 columns: Pillow has", *found[bands])
assert found == {2: ((2, 48), "L", 64), 3: ((48, 64), "RGB", 1), 4: ((48, 64), "RGBA", 1), 5: ((5, 48), "L", 64)}
PY
