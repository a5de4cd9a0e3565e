#!/usr/bin/env bash
# A channels-first array that imageio writes as .png becomes an animation of three grey frames.
#
# Common guess: imwrite of an array (3, H, W), as PyTorch has images, fails or is taken for H x W x C.
# Seen (imageio 2.38.1, Pillow 13.0.0, OpenCV 5.0.0.93): no error and no warning. The file is an animated PNG with a frame
#   for each channel. Pillow opens a grey H x W image, OpenCV reads the first channel three times. So a folder of such
#   files trains on red channels alone.
# So: transpose before writing, or look at n_frames of what is read.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q imageio==2.38.1 pillow==13.0.0 opencv-python-headless==5.0.0.93 numpy
cd "$work"
venv/bin/python -W error - << 'PY'
import cv2
import imageio.v3 as iio
import numpy as np
from PIL import Image

colour = np.random.default_rng(0).integers(0, 256, (3, 20, 30), np.uint8)
iio.imwrite("first.png", colour)
with Image.open("first.png") as image:
    print("Pillow:", image.mode, image.size, "frames:", image.n_frames)
    assert (image.mode, image.size, image.n_frames) == ("L", (30, 20), 3)
    np.testing.assert_array_equal(np.asarray(image), colour[0])
read = cv2.imread("first.png")
print("OpenCV:", read.shape, "all channels equal:", bool((read == read[..., :1]).all()))
np.testing.assert_array_equal(read, np.repeat(colour[0, ..., None], 3, 2))
print("imageio itself:", iio.imread("first.png").shape, "with index=None:", iio.imread("first.png", index=None).shape)
iio.imwrite("last.png", colour.transpose(1, 2, 0))
np.testing.assert_array_equal(iio.imread("last.png"), colour.transpose(1, 2, 0))
PY
