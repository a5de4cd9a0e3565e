#!/usr/bin/env bash
# In OpenCV 5 the inverse of a mask of booleans is True everywhere.
#
# Common guess: `cv2.bitwise_not(mask)` of a NumPy bool array is `~mask`, since OpenCV 5 has booleans of its own.
# Seen (opencv-python-headless 5.0.0.93): it turns all eight bits of each byte, so 0 becomes 255 and 1 becomes 254, and
#   hands both back as a bool array. NumPy takes each for True. So what should be outside of a hole is the whole image,
#   and the generator's pixels are never used. `bitwise_and`, `bitwise_or` and `bitwise_xor` are right. Nothing warns.
# So: ~mask, or cv2.bitwise_xor(mask, np.ones_like(mask)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q opencv-python-headless==5.0.0.93 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import cv2
import numpy as np

hole = np.zeros((64, 64), bool)
hole[16:48, 16:48] = True
outside = cv2.bitwise_not(hole)
print(f"{outside.dtype}, True in {outside.mean():.0%} of the pixels, bytes {np.unique(outside.view(np.uint8))}")
assert outside.dtype == bool and outside.all()
assert np.unique(outside.view(np.uint8)).tolist() == [254, 255]

# Inpainting keeps the image outside of the hole and takes the generator's pixels inside.
image, made = np.full((64, 64), 200, np.uint8), np.full((64, 64), 10, np.uint8)
for mask, kept in (outside, 1.0), (~hole, 0.75):
    joined = np.where(mask, image, made)
    print(f"kept of the image: {np.mean(joined == image):.0%}")
    assert np.mean(joined == image) == kept

ones = np.ones_like(hole)
assert np.array_equal(cv2.bitwise_xor(hole, ones), ~hole)
assert np.array_equal(cv2.bitwise_and(hole, ones), hole) and np.array_equal(cv2.bitwise_or(hole, ones), ones)
bytes_ = hole.astype(np.uint8) * 255
assert np.array_equal(cv2.bitwise_not(bytes_), 255 - bytes_)
PY
