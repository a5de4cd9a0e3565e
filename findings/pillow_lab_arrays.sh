#!/usr/bin/env bash
# NumPy and Pillow's own getpixel see different colours in the same LAB image of Pillow.
#
# Common guess: in bytes, a and b of CIELAB are stored plus 128, as in OpenCV and as `getpixel` and `getchannel` of
#   Pillow say, so grey is 128 in `np.asarray(image)` too.
# Seen (Pillow 13.0.0): the array holds signed numbers as unsigned bytes. Grey is 0, a = 1 is 1 and a = -1 is 255, so
#   the mean a of a nearly grey image comes out as 127 where it is 0. `Image.fromarray(array, "LAB")` takes the same
#   numbers, so an array with grey at 128 becomes strong colours. Nothing warns.
# So: np.stack([np.asarray(band) for band in image.split()], -1), and Image.merge("LAB", bands) for the way back.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0 numpy==2.4.6 scikit-image==0.26.0
cd "$work"
venv/bin/python - << 'PY'
import numpy as np
from PIL import Image, ImageCms
from skimage.color import rgb2lab

lab_, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
there = ImageCms.buildTransform(srgb, lab_, "RGB", "LAB")
back = ImageCms.buildTransform(lab_, srgb, "LAB", "RGB")
noise = np.random.default_rng(0).normal(0, 3, (64, 64, 3))
pixels = np.clip(128 + noise, 0, 255).round().astype(np.uint8)
pixels[0, :2] = [[128, 128, 128], [255, 0, 0]]
image = ImageCms.applyTransform(Image.fromarray(pixels), there)
assert image.mode == "LAB"
array, bands = np.asarray(image), np.stack([np.asarray(band) for band in image.split()], -1)
true = rgb2lab(pixels)
print("grey:", array[0, 0], "in the array,", image.getpixel((0, 0)), "by getpixel")
print("mean a plus 128: array", array[..., 1].mean().round(1), "bands", bands[..., 1].mean().round(1),
      "scikit-image", (true[..., 1].mean() + 128).round(1))
assert array[0, 0, 1:].tolist() == [0, 0] and image.getpixel((0, 0))[1:] == (128, 128)
assert np.array_equal(array[..., 1:], bands[..., 1:] ^ 128) and np.array_equal(array[..., 0], bands[..., 0])
near = np.s_[1:]  # without the red pixel: white points differ, and so do strong colours, by some units
assert np.abs(bands[near][..., 1:] - 128.0 - true[near][..., 1:]).max() < 3
assert np.abs(array[near][..., 1:] - 128.0 - true[near][..., 1:]).max() > 100

for name, found in ("fromarray", Image.fromarray(bands, "LAB")), ("merge", Image.merge("LAB", image.split())):
    wrong = np.abs(np.asarray(ImageCms.applyTransform(found, back)).astype(int) - pixels)[near].mean()
    print(f"bands to RGB by {name}: mean error {wrong:.1f}")
    assert wrong < 2 if name == "merge" else wrong > 50
PY
