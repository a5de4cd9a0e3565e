#!/usr/bin/env bash
# pyspng, the reader of StyleGAN 2 and 3, adds a channel to PNGs of 16 bits: grey has two, and RGB has four.
#
# Common guess: `pyspng.load` returns the channels that the file has. It does for 8 bits: (height, width) for grey, and
#   (height, width, 3) for RGB, also where one colour is marked as transparent.
# Seen (pyspng 0.1.4): for 16 bits it adds an opaque alpha, 65535 everywhere. The mean of a dark grey image of 4000
#   comes out as 34768. Code that takes the number of channels from one file is wrong for the other kind. Nothing warns.
# So: read 16 bits with imagecodecs or with OpenCV's IMREAD_UNCHANGED.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q pyspng==0.1.4 imagecodecs==2026.3.6 pillow==13.0.0 numpy==2.4.6
cd "$work"
venv/bin/python -W error - << 'PY'
import io

import imagecodecs
import numpy as np
import pyspng
from PIL import Image

grey = np.random.default_rng(0).integers(3000, 5001, (32, 32)).astype(np.uint16)
colour = np.stack([grey, grey[::-1], grey.T], -1)
for pixels in grey, colour:
    content = imagecodecs.png_encode(pixels)
    assert content[24] == 16 and content[25] == (0 if pixels.ndim == 2 else 2)  # bits, and a colour type without alpha
    assert np.array_equal(imagecodecs.png_decode(content), pixels)
    found = pyspng.load(content)
    print(f"16 bits: {pixels.shape} read as {found.shape}, mean {pixels.mean():.0f} as {found.mean():.0f}")
    assert found.dtype == np.uint16 and found.shape == (32, 32, 2 if pixels.ndim == 2 else 4)
    assert np.array_equal(found[..., :-1].squeeze(), pixels) and np.all(found[..., -1] == 65535)

for pixels in grey, colour:
    image = Image.fromarray((pixels // 256).astype(np.uint8))
    for options in {}, {"transparency": image.getpixel((0, 0))}:
        content = io.BytesIO()
        image.save(content, "PNG", **options)
        found = pyspng.load(content.getvalue())
        print(f" 8 bits: {pixels.shape} read as {found.shape}")
        assert found.dtype == np.uint8 and np.array_equal(found, np.asarray(image))
PY
