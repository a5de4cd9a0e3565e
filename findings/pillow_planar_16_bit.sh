#!/usr/bin/env bash
# Pillow scrambles uncompressed 16-bit TIFF whose colours lie in planes.
#
# Common guess: planar or interleaved is a matter of layout that the reader evens out, as it does for 8 bits.
# Seen (Pillow 13.0.0, tifffile 2026.3.3): an RGB image of uint16 that is interleaved opens as its upper bytes. The same
#   image in planes opens too, without an error, as a mixture of upper and lower bytes.
# So: ask for the planar configuration (tag 284) before Pillow's pixels are used, or read such files by tifffile.
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

array = (np.arange(60).reshape(4, 5, 3) * 900).astype(np.uint16)
tifffile.imwrite("contig.tif", array, photometric="rgb", planarconfig="contig")
tifffile.imwrite("separate.tif", np.moveaxis(array, 2, 0), photometric="rgb", planarconfig="separate")
upper = array >> 8
for name in "contig", "separate":
    read = np.asarray(Image.open(f"{name}.tif"))
    share = (read == upper).mean()
    print(f"{name}: first pixels {read[0, :2].tolist()}, upper bytes are {upper[0, :2].tolist()}, {share:.0%} equal")
    assert (share == 1) == (name == "contig")
eight = upper.astype(np.uint8)
tifffile.imwrite("eight.tif", np.moveaxis(eight, 2, 0), photometric="rgb", planarconfig="separate")
assert np.array_equal(np.asarray(Image.open("eight.tif")), eight)
PY
