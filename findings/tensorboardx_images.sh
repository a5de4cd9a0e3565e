#!/usr/bin/env bash
# tensorboardX shows a photograph as its negative, where the bytes come as int32, int64, uint16 or float.
#
# Common guess: `add_image` clips what lies outside of 0 to 1, as PyTorch's SummaryWriter does, and takes whole numbers
#   from 0 to 255 for bytes.
# Seen (tensorboardX 2.6.5): everything but uint8 is multiplied by 255 and starts over at 256. So levels of 0 to 255 in
#   another type become 256 minus the level: a negative that looks like an image. Of an image from -1 to 1, as a
#   generator with a tanh gives it, the dark half of the levels goes from black to white, and so does the bright half. A
#   pixel of 1.01 is black. The docs ask for uint8, or floats from 0 to 1, but nothing checks or warns.
# So: give uint8, or clip to 0 to 1 first: add_image(tag, np.clip(image / 2 + 0.5, 0, 1)).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q tensorboardX==2.6.5 pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import io

import numpy as np
from PIL import Image
from tensorboardX import summary


def shown(pixels):
    image = summary.image("image", pixels[None]).value[0].image
    return np.asarray(Image.open(io.BytesIO(image.encoded_image_string)).convert("L")).astype(int)


levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
assert np.array_equal(shown(levels), levels)
for kind in np.int32, np.int64, np.uint16, np.float32:
    found = shown(levels.astype(kind))
    print(f"{kind.__name__}: levels 1, 100, 255 become {found[0, 1]}, {found[6, 4]}, {found[15, 15]}")
    assert np.array_equal(found, (256 - levels.astype(int)) % 256)
unit = levels.astype(np.float32) / 255
assert np.abs(shown(unit) - levels).max() <= 1
signed = shown(unit * 2 - 1)
print(f"-1 to 1: black becomes {signed[0, 0]}, 112 {signed[7, 0]}, 128 {signed[8, 0]}, white {signed[15, 15]}")
assert [signed[0, 0], signed[7, 0], signed[8, 0], signed[15, 15]] == [1, 226, 1, 255]
assert np.abs(shown(np.clip((unit * 2 - 1) / 2 + 0.5, 0, 1)) - levels).max() <= 1
over = shown(np.full((4, 4), 1.01, np.float32))
print(f"1.01: {over[0, 0]}")
assert over.max() < 3
PY
