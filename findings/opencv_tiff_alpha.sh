#!/usr/bin/env bash
# OpenCV darkens the colours of a TIFF with alpha, by its alpha, if it has 8 bits, and leaves them if it has 16.
#
# Common guess: `cv2.imread` returns the stored pixels of a TIFF, as it does for PNG and WebP, at least with
#   IMREAD_UNCHANGED. Without that flag it drops the alpha.
# Seen (opencv-python-headless 5.0.0.93; files of Pillow 13.0.0 and tifffile 2026.3.3): colours are multiplied by
#   alpha / 255, with IMREAD_UNCHANGED, IMREAD_COLOR and IMREAD_GRAYSCALE, and the alpha is still there to be used a
#   second time. Where an alpha of 0 marks a hole, the image below it is black. The same pixels as PNG, or as TIFF of
#   16 bits, keep their colours, so a folder of both kinds is a mix. Nothing warns.
# So: read such files with Pillow or tifffile.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q opencv-python-headless==5.0.0.93 pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import cv2
import numpy as np
import tifffile
from PIL import Image

pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 4), np.uint8)
pixels[16:48, 16:48, 3] = 0
colours, alpha = pixels[..., :3], pixels[..., 3:]
darker = np.round(colours * (alpha / 255))


def rgb(path, flag):
    """Return what OpenCV reads, with red first."""
    found = cv2.imread(path, flag)
    return found if found.ndim == 2 else np.concatenate([found[..., 2::-1], found[..., 3:]], -1)


Image.fromarray(pixels).save("pillow.tif")
tifffile.imwrite("tifffile.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
for path in "pillow.tif", "tifffile.tif":
    assert np.array_equal(np.asarray(Image.open(path)), pixels) and np.array_equal(tifffile.imread(path), pixels)
    found = rgb(path, cv2.IMREAD_UNCHANGED)
    print(path, "stored", pixels[0, 0], "read", found[0, 0], "and in the hole", pixels[20, 20], found[20, 20])
    assert found.dtype == np.uint8 and np.abs(found[..., :3] - darker).max() <= 1
    assert np.array_equal(found[..., 3:], alpha) and not found[16:48, 16:48].any()
    assert np.abs(rgb(path, cv2.IMREAD_COLOR) - darker).max() <= 1
    assert not rgb(path, cv2.IMREAD_GRAYSCALE)[16:48, 16:48].any()

Image.fromarray(pixels).save("image.png")
assert np.array_equal(rgb("image.png", cv2.IMREAD_UNCHANGED), pixels)
assert np.array_equal(rgb("image.png", cv2.IMREAD_COLOR), colours)
tifffile.imwrite("deep.tif", pixels.astype(np.uint16) * 257, photometric="rgb", extrasamples=["unassalpha"])
assert np.array_equal(rgb("deep.tif", cv2.IMREAD_UNCHANGED), pixels.astype(np.uint16) * 257)
Image.fromarray(colours).save("opaque.tif")
assert np.array_equal(rgb("opaque.tif", cv2.IMREAD_COLOR), colours)
PY
