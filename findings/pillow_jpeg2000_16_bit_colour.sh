#!/usr/bin/env bash
# White is black in colour JPEG 2000 of 16 bits.
#
# Common guess: colours of more than 8 bits are scaled to 8 bits, as Pillow does for PNG, or the file is refused.
# Seen (Pillow 13.0.0, imagecodecs 2026.3.6): an image of 65535 in all channels opens as RGB, and its pixels are 0; of
#   65280 to 65407 they are 255. No warning.
# So: convert such files by another library first, or refuse them by the depth in their header.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0 imagecodecs==2026.3.6 numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import imagecodecs
import numpy as np
from PIL import Image

read = {}
for value in 0, 256, 65280, 65407, 65408, 65535:
    pixels = np.full((8, 8, 3), value, np.uint16)
    content = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True)
    assert np.array_equal(imagecodecs.jpeg2k_decode(content), pixels)
    open("a.jp2", "wb").write(content)
    image = Image.open("a.jp2")
    read[value] = image.getpixel((0, 0))
    print(value, image.mode, read[value])
assert read[65535] == read[65408] == (0, 0, 0)
assert read[65280] == read[65407] == (255, 255, 255)
PY
