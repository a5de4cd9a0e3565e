#!/usr/bin/env bash
# imageio and scikit-image read float images as bytes: Radiance files are clipped at 1, float maps are rounded.
#
# Common guess: `imageio.v3.imread` of a Radiance file (.hdr) or of a float map (.pfm) returns floats.
# Seen (imageio 2.38.1, scikit-image 0.26.0, opencv-python-headless 5.0.0.93): where OpenCV is installed imageio gives
#   it these files and asks for its default, which is uint8. In .hdr, values are multiplied by 255 and all over 1 is
#   white: the high dynamic range is gone. In .pfm, values are only rounded: 0.4 becomes 0, 0.6 becomes 1, and a depth
#   map in metres becomes stairs. `skimage.io.imread` does the same. Nothing warns.
# So: imread(path, plugin="opencv", flags=cv2.IMREAD_UNCHANGED), which returns float32 with the colours in order.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q imageio==2.38.1 scikit-image==0.26.0 opencv-python-headless==5.0.0.93
cd "$work"
venv/bin/python -W error - << 'PY'
import cv2
import imageio.v3 as imageio
import numpy as np
import skimage.io

light = np.random.default_rng(0).random((32, 32, 3), np.float32) * 4
for name, pixels, scale in ("light.hdr", light, 255), ("light.pfm", light, 1), ("depth.pfm", light[..., 0], 1):
    assert cv2.imwrite(name, pixels[..., ::-1] if pixels.ndim == 3 else pixels)
    right = imageio.imread(name, plugin="opencv", flags=cv2.IMREAD_UNCHANGED)
    # Radiance keeps 8 bits for each colour beside one exponent for the pixel.
    assert right.dtype == np.float32 and np.allclose(right, pixels, rtol=0, atol=0.02 if scale == 255 else 0)
    for imread in imageio.imread, skimage.io.imread:
        read = imread(name)
        print(f"{name}: {pixels.ravel()[:4]} is read as {read.ravel()[:4]}, {read.dtype}")
        assert read.dtype == np.uint8 and read.shape == pixels.shape
        assert np.abs(read - np.clip(right * scale, 0, 255)).max() <= 0.5
        if scale == 255:
            assert np.mean(read == 255) > 0.7
        else:
            assert np.unique(read).tolist() == [0, 1, 2, 3, 4]
PY
