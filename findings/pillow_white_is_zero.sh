#!/usr/bin/env bash
# A grey TIFF whose 0 is white comes out right with 8 bits and as a negative with more.
#
# Common guess: MINISWHITE, a tag of TIFF, is honoured for every depth, or for none.
# Seen (Pillow 13.0.0, tifffile 2026.3.3): 8-bit images are turned, so that white is 255. Images of 16 bits, 32 bits and
#   floats keep their numbers, without a warning, so black and white change places.
# So: look at the tag PhotometricInterpretation before trusting more than 8 bits.
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
for kind, top in ("uint8", 255), ("uint16", 65535), ("float32", 1):
    tifffile.imwrite("a.tif", np.zeros((4, 4), kind), photometric="miniswhite")
    image = Image.open("a.tif")
    assert image.tag_v2[262] == 0
    found[kind] = np.asarray(image).max().item() == top
    print(kind, "stored 0, which is white, is read as", np.asarray(image).max().item())
assert found == {"uint8": True, "uint16": False, "float32": False}
PY
