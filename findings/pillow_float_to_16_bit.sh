#!/usr/bin/env bash
# Pillow's way from floats to 16 bits leads through 8: everything over 255 becomes 255.
#
# Common guess: `convert("I;16")` of an image in mode "F" with values from 0 to 65,535 keeps them, to the next whole
#   number, as it does for mode "I".
# Seen (Pillow 13.0.0): 1,000 and 65,535 both become 255, and 16-bit PNG of such images are nearly black. From mode
#   "I" the values are kept, and so they are by way of "I". Nothing is raised and nothing warns.
# So: Image.fromarray(np.asarray(image).round().astype(np.uint16)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import numpy as np
from PIL import Image

values = np.array([[0, 100, 255, 256, 1000, 32768, 65535]])
floats = Image.fromarray(values.astype(np.float32))
assert floats.mode == "F"
floats.convert("I;16").save("image.png")
seen = np.asarray(Image.open("image.png"))
print("from F:", seen[0], seen.dtype)
assert seen.tolist() == [[0, 100, 255, 255, 255, 255, 255]] and seen.dtype == np.uint16
for image in Image.fromarray(values.astype(np.int32)), floats.convert("I"):
    assert image.mode == "I"
    assert np.array_equal(np.asarray(image.convert("I;16")), values)
assert np.array_equal(np.asarray(Image.fromarray(np.asarray(floats).round().astype(np.uint16))), values)
PY
