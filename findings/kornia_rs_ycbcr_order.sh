#!/usr/bin/env bash
# kornia-rs's ycbcr_from_rgb returns Y, Cr, Cb, and its rgb_from_ycbcr swaps blue and red of the YCbCr of others.
#
# Common guess: the channels come in the order of the name, as in Pillow's "YCbCr", scikit-image's rgb2ycbcr and
#   kornia's own rgb_to_ycbcr. The documentation says "RGB -> YCbCr (full range)".
# Seen (kornia-rs 0.2.0): the order is that of OpenCV's COLOR_RGB2YCrCb, for bytes and for float32. Both functions agree
#   with each other, so a trip there and back shows nothing. Statistics or losses by channel are swapped, and a red
#   image that Pillow made YCbCr comes back blue.
# So: take ycbcr[..., [0, 2, 1]], in both directions.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q kornia-rs==0.2.0 opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import cv2
import numpy as np
from kornia_rs.imgproc import rgb_from_ycbcr, ycbcr_from_rgb
from PIL import Image

image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
image[0, 0] = [255, 0, 0]
swap = [0, 2, 1]
found = np.asarray(ycbcr_from_rgb(image))
pillow = np.asarray(Image.fromarray(image).convert("YCbCr"))
print("red: kornia-rs", found[0, 0], "Pillow's YCbCr", pillow[0, 0])
assert np.abs(found[..., swap].astype(int) - pillow).max() <= 1
assert np.abs(found.astype(int) - pillow).mean() > 30
assert np.array_equal(found, cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb))
floats = np.asarray(ycbcr_from_rgb(image.astype(np.float32) / 255))
assert np.abs(floats * 255 - found).max() < 2

back = np.asarray(rgb_from_ycbcr(pillow.copy()))
print("Pillow's red after rgb_from_ycbcr:", back[0, 0])
assert back[0, 0].argmax() == 2 and back[0, 0, 0] < 20
assert np.abs(back.astype(int) - image).mean() > 50
assert np.abs(np.asarray(rgb_from_ycbcr(np.ascontiguousarray(pillow[..., swap]))).astype(int) - image).mean() < 2
assert np.abs(np.asarray(rgb_from_ycbcr(found)).astype(int) - image).mean() < 2
PY
