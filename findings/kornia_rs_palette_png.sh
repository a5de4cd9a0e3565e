#!/usr/bin/env bash
# kornia-rs and TensorStore read a colour PNG with a palette as a grey image of palette numbers.
#
# Common guess: a palette is looked up, as OpenCV, pyspng and Pillow's convert("RGB") do it. A reader that cannot do so
#   refuses the file, and both refuse other PNGs: kornia-rs a palette of 16 colours, TensorStore all but 8 bits.
# Seen (kornia-rs 0.2.0, tensorstore 0.1.86): both return (height, width, 1), one byte a pixel, and no palette. The
#   numbers look like an image, but neighbours in number are not neighbours in colour. Where grey images are repeated
#   to three channels, nothing stands out. Nothing is raised.
# So: convert such files to RGB first; byte 25 of the file, its colour type, is 3.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q kornia-rs==0.2.0 tensorstore==0.1.86 pillow==13.0.0 opencv-python-headless==5.0.0.93 \
  numpy==2.4.6
cd "$work"
venv/bin/python - << 'PY'
import os

import cv2
import kornia_rs
import numpy as np
import tensorstore
from PIL import Image


def by_kornia(path):
    return np.asarray(kornia_rs.io.read_image(path))


def by_tensorstore(path):
    return tensorstore.open({"driver": "png", "kvstore": f"file://{os.path.abspath(path)}"}).result().read().result()


rows, columns = np.mgrid[:64, :64]
image = Image.fromarray(np.stack([rows * 4, columns * 4, 255 - rows * 4], -1).astype(np.uint8))
palette = image.quantize(256)
palette.save("palette.png")
image.save("rgb.png")
with open("palette.png", "rb") as file:
    assert file.read()[25] == 3
numbers, colours = np.asarray(palette), np.asarray(palette.convert("RGB"))
grey = np.asarray(palette.convert("L")).astype(int)
assert np.abs(colours.astype(int) - np.asarray(image)).mean() < 8
assert np.array_equal(cv2.imread("palette.png")[..., ::-1], colours)
for read in by_kornia, by_tensorstore:
    found = read("palette.png")
    print(f"{read.__name__}: {found.shape}, first pixels {found[0, :3, 0]} of colours {colours[0, :3].tolist()}, "
          f"off from grey by {np.abs(found[..., 0] - grey).mean():.0f}")
    assert found.dtype == np.uint8 and found.shape == (64, 64, 1) and np.array_equal(found[..., 0], numbers)
    assert np.abs(found[..., 0] - grey).mean() > 30
    assert np.array_equal(read("rgb.png"), np.asarray(image))
PY
