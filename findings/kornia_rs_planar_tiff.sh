#!/usr/bin/env bash
# kornia-rs scrambles colour TIFF whose channels are stored one after the other.
#
# Common guess: a reader of TIFF joins the planes of such a file, as Pillow and OpenCV do, or refuses the file, as this
#   one does for palettes, for alpha and for half precision.
# Seen (kornia-rs 0.2.0, files of tifffile 2026.3.3): `io.read_image` returns the right shape and type and takes the
#   three planes for one run of RGB pixels. Three reds in a row become one pixel, and the image shows its channels below
#   one another, three times too narrow, in grey. The same with 8 bits, 16 bits and float32, compressed or not. Nothing
#   is raised. tifffile writes planes for an RGB array with its channels first, and so do microscopes.
# So: read such files with tifffile or Pillow; PlanarConfiguration (tag 284) is 2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q kornia-rs==0.2.0 tifffile==2026.3.3 pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import kornia_rs
import numpy as np
import tifffile
from PIL import Image

rows, columns = np.mgrid[:32, :32]
image = np.stack([rows * 8, columns * 8, 255 - rows * 8], -1).astype(np.uint8)
planes = np.ascontiguousarray(image.transpose(2, 0, 1))
for dtype, scale in (np.uint8, 1), (np.uint16, 257), (np.float32, 1):
    for compression in None, "zlib":
        tifffile.imwrite("planes.tif", planes.astype(dtype) * dtype(scale), photometric="rgb",
                         planarconfig="separate", compression=compression)
        tifffile.imwrite("pixels.tif", image.astype(dtype) * dtype(scale), photometric="rgb", compression=compression)
        found = np.asarray(kornia_rs.io.read_image("planes.tif"))
        print(np.dtype(dtype), compression, found.shape, "first pixel", found[0, 0], "of", image[0, 0] * dtype(scale),
              "last", found[-1, -1], "of", image[-1, -1] * dtype(scale))
        assert found.shape == image.shape and found.dtype == dtype
        assert np.array_equal(found.ravel(), planes.ravel() * dtype(scale))
        assert np.array_equal(tifffile.imread("planes.tif").transpose(1, 2, 0), image * dtype(scale))
        assert np.array_equal(np.asarray(kornia_rs.io.read_image("pixels.tif")), image * dtype(scale))
        if dtype == np.uint8:
            assert np.array_equal(np.asarray(Image.open("planes.tif")), image)
        error = np.abs(found / scale - image).mean()
        print(f"mean error in grey levels: {error:.0f}")
        assert error > 40
PY
